"""What other people at the hub do while the reader is away."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from teleread.demo.cases.people import OTHER_READER, READERS
from teleread.demo.cases.resources import instant
from teleread.demo.fhir.store import Store

__all__ = ["HubEvents"]


class HubEvents:
    """What others do at the hub while the reader is away.

    Args:
        store: The hub.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def _edit(self, kind: str, ident: str, change: Callable[[dict[str, Any]], None]) -> None:
        with self._store.unit() as unit:
            body = self._store.edit(kind, ident)
            change(body)
            unit.put(kind, ident, body)

    def cancel(self, task: str) -> None:
        """The site cancels the order."""

        def change(body: dict[str, Any]) -> None:
            body["status"] = "cancelled"
            body["statusReason"] = {"text": "Cancelled by the site"}

        order = self._order_of(task)
        self._edit("Task", task, change)
        self._edit("ServiceRequest", order, lambda body: body.update(status="revoked"))

    def reassign(self, task: str, who: str = OTHER_READER) -> None:
        """The hub gives the task to somebody else."""
        name = " ".join(READERS.get(who, ("Dr", "Other", "Demoreader")))

        def change(body: dict[str, Any]) -> None:
            body["owner"] = {"reference": f"Practitioner/{who}", "display": name}
            body["status"] = "in-progress"

        self._edit("Task", task, change)

    def release(self, task: str) -> None:
        """The hub takes the claim away; the task is free again."""

        def change(body: dict[str, Any]) -> None:
            body.pop("owner", None)
            body["status"] = "requested"

        self._edit("Task", task, change)

    def lapse(self, minutes: float) -> int:
        """Let go of every claim that nobody has touched for so long.

        Returns:
            How many.
        """
        since = instant(datetime.now(UTC) - timedelta(minutes=minutes))
        old = [
            one.id
            for one in self._store.all("Task")
            if one.body.get("status") == "in-progress" and "owner" in one.body and one.updated < since
        ]
        for task in old:
            self.release(task)
        return len(old)

    def amend(self, task: str, question: str = "Amended: the other side is meant.") -> None:
        """The site changes the order: the side, and the question."""

        def change(body: dict[str, Any]) -> None:
            site = body["bodySite"][0]
            site.pop("coding", None)
            text = str(site["text"])
            swapped = text.replace("Left", "\0").replace("Right", "Left").replace("\0", "Right")
            site["text"] = swapped if swapped != text else f"{text}, with limbs"
            body["reasonCode"] = [{"text": question}]

        self._edit("ServiceRequest", self._order_of(task), change)

    def correct_patient(self, task: str, born: str = "1901-01-01") -> None:
        """The hub corrects the patient's birth date."""
        reference = str(self._store.edit("Task", task)["for"]["reference"])
        self._edit("Patient", reference.partition("/")[2], lambda body: body.update(birthDate=born))

    def report(self, task: str, text: str = "Reported by somebody else.") -> str:
        """Somebody else's final report appears, and the task is done.

        Returns:
            The id of the DiagnosticReport.
        """
        body = self._store.edit("Task", task)
        order = self._store.edit("ServiceRequest", self._order_of(task))
        ident = str(uuid.uuid4())
        now = instant(datetime.now(UTC))
        who = {"reference": f"Practitioner/{OTHER_READER}", "display": " ".join(READERS[OTHER_READER])}
        document = {
            "status": "final",
            "category": [
                {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD"}]}
            ],
            "code": order["code"],
            "subject": body["for"],
            "basedOn": body["basedOn"],
            "imagingStudy": [body["focus"]],
            "effectiveDateTime": now,
            "issued": now,
            "resultsInterpreter": [who],
            "conclusion": text,
            "presentedForm": [
                {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}
            ],
        }
        body.update(status="completed", owner=who)
        with self._store.unit() as unit:
            unit.put("DiagnosticReport", ident, document)
            unit.put("Task", task, body)
        return ident

    def merge(self, task: str) -> str:
        """The hub merges the patient's record into another one, which stays (FHIR R4, Patient.link).

        Returns:
            The id of the Patient that stays.
        """
        old = str(self._store.edit("Task", task)["for"]["reference"]).partition("/")[2]
        kept = str(uuid.uuid4())
        body = self._store.edit("Patient", old)
        link = {"type": "replaced-by", "other": {"reference": f"Patient/{kept}"}}
        with self._store.unit() as unit:
            unit.put("Patient", kept, body)
            unit.put("Patient", old, {**body, "active": False, "link": [link]})
        return kept

    def new_images(self, task: str, count: int) -> int:
        """More images of the study arrive at the hub, so it says; the archive has none of them.

        Returns:
            How many the hub names now.
        """
        study = str(self._store.edit("Task", task)["focus"]["reference"]).partition("/")[2]
        told: list[int] = []

        def change(body: dict[str, Any]) -> None:
            body["numberOfInstances"] = int(body.get("numberOfInstances", 0)) + count
            told.append(body["numberOfInstances"])

        self._edit("ImagingStudy", study, change)
        return told[0]

    def supersede(self, task: str) -> str:
        """Somebody changes the issued report on a case at the hub.

        Returns:
            The id of the DiagnosticReport.
        """
        ident = self._report_of(task)

        def change(body: dict[str, Any]) -> None:
            body["status"] = "amended"
            body["conclusion"] = f"{body.get('conclusion', '')} Changed at the hub.".strip()

        self._edit("DiagnosticReport", ident, change)
        return ident

    def forget(self, report: str) -> bool:
        """The hub loses a report, named by its id or by its case. True if it was there."""
        if self._store.read("DiagnosticReport", report) is None:
            report = self._report_of(self.task_of(report))
        return self._store.forget("DiagnosticReport", report)

    def restore(self, minutes: float) -> int:
        """The hub comes back from a backup: what was written since is gone. Resources that went back."""
        return self._store.restore(datetime.now(UTC) - timedelta(minutes=minutes))

    # -- which case is meant ----------------------------------------------------------------------
    def task_of(self, words: str) -> str:
        """A case by its task's id, by ``HUB:ID``, or by its accession number.

        Raises:
            KeyError: There is none.
        """
        ident = words.rpartition(":")[2]
        if self._store.read("Task", ident) is not None:
            return ident
        found = [one["task"] for one in self.cases() if words and one["accession"] == words]
        if len(found) != 1:
            raise KeyError(words)
        return str(found[0])

    def cases(self) -> list[dict[str, str]]:
        """The reading tasks, made-up patients as they are: what to name a case by."""
        return [self._case(one.body) for one in self._store.all("Task") if "basedOn" in one.body]

    def _case(self, task: dict[str, Any]) -> dict[str, str]:
        order = self._store.edit("ServiceRequest", str(task["basedOn"][0]["reference"]).partition("/")[2])
        patient = self._store.edit("Patient", str(task["for"]["reference"]).partition("/")[2])
        numbers = [str(one.get("value", "")) for one in order.get("identifier", ())]
        return {
            "task": str(task["id"]),
            "accession": numbers[0] if numbers else "",
            "state": str(task["status"]),
            "reader": str(task.get("owner", {}).get("display", "")),
            "patient": str(patient["name"][0].get("family", "")),
            "examination": str(order.get("code", {}).get("text", "")),
        }

    def _report_of(self, task: str) -> str:
        """The newest report on a case.

        Raises:
            KeyError: It has none.
        """
        order = f"ServiceRequest/{self._order_of(task)}"
        found = [
            (one.updated, one.id)
            for one in self._store.all("DiagnosticReport")
            if any(based.get("reference") == order for based in one.body.get("basedOn", ()))
        ]
        if not found:
            raise KeyError(task)
        return max(found)[1]

    def _order_of(self, task: str) -> str:
        return str(self._store.edit("Task", task)["basedOn"][0]["reference"]).partition("/")[2]
