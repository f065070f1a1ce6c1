"""As a radiologist would: a structured CT report by keys alone, from the worklist to the hub's receipt.

In a real terminal of 80x24 on the demo's follow-up of two nodules: the case is claimed in the list, a
sentence of the prior report is copied and brought up to date, the fields are filled in the form, the checks
are settled, who was told is kept, the sheet is signed; what the hub holds then is read by another client.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.flow import Place, set_up
from tests.e2e.terminal import Terminal
from tests.e2e.world import PIN, Cli, Demo, read_json, reports_at

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pty is POSIX")

ACCESSION, BORN = "NG01000002", "02"
CTRL_D, CTRL_E, CTRL_K = "\x04", "\x05", "\x0b"
ALT_J, ALT_DOWN, F8, END, ERASE = "\x1bj", "\x1b[1;3B", "\x1b[19~", "\x1b[F", "\x7f"
ESC, ENTER = "\x1b", "\r"
COPIED = "Solid nodule of 6 mm in the right upper lobe, smooth"
IMPRESSION = "Both nodules have grown; the larger from 6 mm to 8 mm. PET-CT in 2 weeks."
TOLD = "Dr Ward, chest clinic"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo as a visitor starts it."""
    running = Demo(tmp_path_factory.mktemp("demo"))
    running.start()
    yield running
    running.stop()


class Reader:
    """Hands on the keys, eyes on the screen: nothing is pressed before what it needs is shown."""

    def __init__(self, cli: Cli) -> None:
        self.desk = Terminal(cli, size=(80, 24), TELEREAD_PREFETCH_CASES="1", TELEREAD_GLYPHS="unicode")

    def press(self, keys: str, shows: str) -> None:
        """Press, and wait until the screen shows something."""
        self.desk.send(keys)
        self.desk.wait(shows)
        self.desk.pump(0.3)

    def until(self, pattern: str, key: str = "", seconds: float = 60.0) -> None:
        """Wait for a pattern on the screen, pressing a key again and again where one is named."""
        for _ in range(round(seconds / 0.3)):
            if re.search(pattern, self.desk.text()):
                return
            if key:
                self.desk.send(key)
            self.desk.pump(0.3)
        raise AssertionError(f"never seen: {pattern}\n{self.desk.text()}")

    # -- the steps ---

    def open_the_case(self) -> None:
        """Found in the list, claimed, opened when its images are here, a report begun."""
        self.desk.wait("oldest pull")
        self.press("/", " /")
        self.press("okafor", "1 of ")
        self.press(ENTER, "1 of ")
        self.press("+", "mine")
        self.until(r"OKAFOR.*(■ here|◧ prior)", seconds=300)  # its own images, whole
        self.press(ENTER, "Worklist › Reading")
        self.press("i", "typing here")

    def copy_from_the_prior(self) -> None:
        """The sentence of the nodule, out of the comparison with the earlier report."""
        self.press(CTRL_D, "PRIOR  ")
        told = re.search(r"PRIOR {2}(\d+ \w+ \d{4})", self.desk.text())  # so many days before the demo began
        assert told
        self.until(r"▌.*│ - Solid nodule of 6 mm", "s")
        self.press(ENTER, "stays marked until you edit it")
        self.press(ESC, f"from {told[1]}")

    def fill_the_form(self) -> None:
        """The one open field by its first letters; the others keep what is usual."""
        self.press(CTRL_E, "1 to fill")
        self.press("sev", "▸ several nodules")
        self.press(ENTER, "every field is filled")
        self.press(ESC, "Lungs: [several nodules].")

    def settle_the_checks(self) -> None:
        """The one that is left names the copied sentence, goes there, and is quiet once it is edited."""
        self.press(ALT_DOWN, "typing here")
        self.press(IMPRESSION, "2 weeks.")
        self.until(r"words +\? 1")
        self.press(ALT_J, "1 to settle")
        assert "copied from an earlier report" in self.desk.text()
        self.press(ENTER, "Impression ──")
        self.press(f"{END}{ERASE}, now 8 mm.", "smooth, now 8 mm.")
        self.until(r"\d words *\n")
        self.press(ALT_J, "Nothing to settle")
        self.press(ESC, "smooth, now 8 mm.")

    def tell_somebody(self) -> None:
        """Category, person, time, method."""
        self.press(CTRL_K, "How pressing is it?")
        self.press("2", "Who was told?")
        self.press(TOLD + ENTER, "When?")
        self.press(ENTER, "How?")
        self.press(f"1{ENTER}", "The alert stands in the report.")

    def sign(self) -> None:
        """PIN, then the day of birth, two digits."""
        self.press(F8, "nothing is sent yet")
        self.desk.wait("all settled")
        self.desk.pump(0.7)  # the sheet is deaf in its first moment
        self.press(PIN, "PIN")
        self.press(ENTER, "[▏] [ ]")
        for digit in BORN:
            self.desk.send(digit)
            self.desk.pump(0.3)
        self.until("[Ss]igned|issued")

    def see_the_receipt(self) -> None:
        """In the outbox."""
        self.press("go", "Outbox")
        self.until(r"◆ issued +OKAFOR.*receipt DiagnosticReport/")


def test_a_structured_ct_report_goes_from_worklist_to_receipt_by_keys_alone(cli: Cli, place: Place) -> None:
    set_up(cli, place)
    cli.json("sync")
    reader = Reader(cli)
    try:
        reader.open_the_case()
        reader.copy_from_the_prior()
        reader.fill_the_form()
        reader.settle_the_checks()
        reader.tell_somebody()
        reader.sign()
        reader.see_the_receipt()
        assert reader.desk.signed, "SIGNED, NOT ISSUED was shown before the receipt"
    finally:
        reader.desk.kill()
    (row,) = cli.json("report", "list")["reports"]
    held_by_the_hub(place, row)
    assert cli.json("report", "verify", row["report"])["valid"] is True


def held_by_the_hub(place: Place, row: dict[str, Any]) -> None:
    """One final DiagnosticReport, its words, and the signed bytes with every part of the trial."""
    (report,) = reports_at(place.fhir, row["report"])
    assert report["status"] == "final"
    assert report["conclusion"] == IMPRESSION
    assert report["basedOn"]
    provenance = read_json(f"{place.fhir}/Provenance?target=DiagnosticReport/{report['id']}")["entry"]
    (signature,) = provenance[0]["resource"]["signature"]
    assert len(provenance) == 1
    assert base64.b64decode(signature["data"]).count(b".") == 2
    form = frozen(report)
    assert (form["report_id"], form["version"], form["kind"]) == (row["report"], 1, "report")
    assert form["order"]["accessions"] == [ACCESSION]
    said = {one["id"]: one["text"] for one in form["sections"]}
    assert said["impression"] == IMPRESSION
    assert said["findings"].splitlines()[0] == "Lungs: several nodules."
    assert said["findings"].splitlines()[-1] == f"{COPIED}, now 8 mm."
    assert "[" not in "".join(said.values())
    assert form["template"]["id"] == "ct-chest"
    assert form["alert"]["told"] == TOLD
    assert form["alert"]["category"] == "U: urgent: act within 24 hours"
    assert form["alert"]["method"] == "telephone"
    assert form["overrides"] == []
    assert len(form["study"]["instances"]) == 300


def frozen(report: dict[str, Any]) -> dict[str, Any]:
    """The signed bytes, as the hub keeps them."""
    kind = "application/vnd.teleread.report+json"
    (one,) = [part for part in report["presentedForm"] if part["contentType"] == kind]
    form: dict[str, Any] = json.loads(base64.b64decode(one["data"]))
    return form
