"""A site with nothing but a folder on a shared drive: order files in, claims and reports out.

What others do is done as others would: the site writes its order files anew, another reader makes claim files
and leaves a receipt. A backup is a copy of the folder, and putting it back takes away what came since.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from teleread.host.clock import Clock
from teleread.hub.folder import FolderHub
from teleread.model.hubfile import HubFile
from teleread.vault.vault import Vault
from tests.simulation.drive import MOUNTS, Mount, written
from tests.simulation.hubs import SimHub

__all__ = ["FolderSite"]

LEASE: Final = timedelta(hours=12)
OTHER: Final = {"owner": "Practitioner/other", "owner_name": "Dr Other"}
_FOLDERS: Final = ("orders", "claims", "reports", "receipts", "notes")
_RECEIPT: Final = re.compile(r"[0-9a-f-]{36}\.v\d{4}\.json")


def _table(path: Path) -> dict[str, Any]:
    """What a file holds; nothing where it is not there, or half written."""
    try:
        table: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return table


@dataclass
class FolderSite(SimHub):
    """The site."""

    kind = "folder"
    root: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="teleread-simulation-")))
    copied: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    """Yesterday's backup: path below the folder to its bytes and time."""
    looked_at: set[str] = field(default_factory=set)
    """Claim files that were looked at."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in _FOLDERS:
            (self._drive / name).mkdir(parents=True)

    @property
    def _drive(self) -> Path:
        return self.root / "drive"

    # -- as a machine meets it ----------------------------------------------------------------------------

    def file(self, at: int) -> dict[str, Any]:
        """Where the machine has it; the text alone, for a PDF takes long to draw."""
        return {"folder": str(self.root / f"mount-{at}"), "forms": ("text",), "claim_hours": 12}

    def line(self, at: int, wait: Any, dice: random.Random, told: Counter[str]) -> Any:
        """A machine's mount."""
        path = self.root / f"mount-{at}"
        path.symlink_to(self._drive, target_is_directory=True)
        MOUNTS[str(path)] = made = Mount(self, dice, told)
        return made

    def adapter(self, file: HubFile, vault: Vault, clock: Clock, line: Any) -> Any:
        """The product's own."""
        return FolderHub(file, None, clock, memory=vault.hub_secrets)

    def leave(self) -> None:
        """The world ends."""
        shutil.rmtree(self.root)

    # -- what others do -----------------------------------------------------------------------------------

    def others(self, act: str, number: int, dice: random.Random) -> None:
        """The same as elsewhere, in files."""
        if act == "images":
            return
        before = self.get("Task", f"t-c{number}") if act != "offer" else {}
        super().others(act, number, dice)
        task = self.get("Task", f"t-c{number}")
        if act in {"reassign", "release"}:
            if task != before:
                self._claim(number, "in-progress" if act == "reassign" else "requested")
        elif act == "report":
            self._receipt(number)
        else:
            self._order(number)

    def _order(self, number: int) -> None:
        order, patient = self.get("ServiceRequest", f"sr-c{number}"), self.get("Patient", f"p-c{number}")
        cancelled = any(name == "cancelled" for name in self.state.trouble.get(f"t-c{number}", ()))
        person = {
            "number": f"N{number:06}",
            "issuer": "NORTH",
            "name": "Testwell^Ada^Bea",
            "birth_date": patient["birthDate"],
            "sex": "F",
        }
        table = {
            "id": f"t-c{number}",
            "accession": f"ACC{number:05}",
            "status": "cancelled" if cancelled else "requested",
            "priority": str(order.get("priority", "routine")),
            "procedure": "XR Knee",
            "body_part": order["bodySite"][0]["text"],
            "question": "Fell. Fracture?",
            "study_uid": f"1.2.3.{number}",
            "modality": "CR",
            "patient": person,
        }
        self._write(f"orders/c{number}.json", table)

    def _write(self, name: str, table: dict[str, Any]) -> None:
        written(self._drive / name, json.dumps(table).encode(), self.now.timestamp())

    def _newest(self, number: int) -> tuple[int, dict[str, Any]]:
        """The newest claim file of a case, and its number."""
        found = sorted((self._drive / "claims").glob(f"t-c{number}.??????.json"))
        if not found:
            return 0, {}
        return int(found[-1].name.split(".")[1]), _table(found[-1])

    def _claim(self, number: int, status: str) -> None:
        at, until = self.now.isoformat(), (self.now + LEASE).isoformat()
        table = {"schema": "teleread.claim-file/1", "status": status, "at": at, "until": None}
        if status == "in-progress":
            table |= {**OTHER, "until": until}
        self._write(f"claims/t-c{number}.{self._newest(number)[0] + 1:06}.json", table)

    def _receipt(self, number: int) -> None:
        report = f"00000000-0000-4000-8000-{number:012}"
        if (self._drive / "receipts" / f"{report}.v0001.json").exists():
            return
        table = {
            "schema": "teleread.delivery/1",
            "report": report,
            "version": 1,
            "key": report,
            "sha256": "0" * 64,
            "author": "Dr Other",
            "reader": "Practitioner/other",
            "task": f"t-c{number}",
            "patient": "",
            "accession": f"ACC{number:05}",
            "study": f"1.2.3.{number}",
            "title": "XR Knee",
            "issued": self.now.isoformat(),
            "completes": True,
            "files": [],
        }
        self._write(f"receipts/{report}.v0001.json", table)

    def _still(self, what: str, number: str) -> bool:
        """Whether it was not undone since: a lease of somebody else's that ran out is."""
        if what != "reassigned":
            return super()._still(what, number)
        table = self._newest(int(number))[1]
        theirs = table.get("owner") == OTHER["owner"] and table.get("status") == "in-progress"
        return theirs and datetime.fromisoformat(table["until"]) > self.now + timedelta(days=2)

    # -- what must hold -----------------------------------------------------------------------------------

    def check_once(self) -> None:
        """What came is looked at; no report is there twice."""
        for path in sorted((self._drive / "receipts").iterdir()):
            if _RECEIPT.fullmatch(path.name) and not path.name.startswith("00000000-"):
                self._seen(path)
        for path in sorted((self._drive / "claims").iterdir()):
            if path.name not in self.looked_at:
                self.looked_at.add(path.name)
                self._taken(path)
        super().check_once()

    def _taken(self, path: Path) -> None:
        """A claim is taken over only when by its taker's own clock the one before has run out."""
        task, number, _ = path.name.split(".")
        now, before = _table(path), _table(path.with_name(f"{task}.{int(number) - 1:06}.json"))
        both = now.get("status") == before.get("status") == "in-progress"
        if both and now["owner"] not in {before["owner"], OTHER["owner"]} and now["at"] < before["until"]:
            self.wrong.append(f"a claim at {self.name} went from one reader to another without being free")

    def _seen(self, path: Path) -> None:
        table = _table(path)
        if not table:
            return  # half written: it counts as nothing
        report = (str(table["report"]), str(table["sha256"]))
        if any(one[0] == report[0] and one[2] == report[1] for one in self.state.history):
            return
        for one in table["files"]:
            if not (self._drive / "reports" / one["name"]).exists():
                self.wrong.append(f"a receipt at {self.name} names a document that is not there")
        number = str(table["task"]).removeprefix("t-c")
        self.filed(report, number, "final" if table["completes"] else "preliminary")
        if table["completes"]:
            self.by_others = True
            self.edit("Task", f"t-c{number}", status="completed")
            self.by_others = False

    # -- backups and time ---------------------------------------------------------------------------------

    def back_up(self) -> None:
        """A copy of the folder is made."""
        super().back_up()
        self.copied = {
            str(one.relative_to(self._drive)): (one.read_bytes(), one.stat().st_mtime)
            for one in self._drive.glob("*/*")
        }

    def restore(self) -> None:
        """That copy is put back, and what came since is gone."""
        super().restore()
        self.looked_at.clear()
        for one in self._drive.glob("*/*"):
            one.unlink()
        for name, (data, at) in self.copied.items():
            written(self._drive / name, data, at)
