"""A workstation in memory for the screens: made-up people, no vault, no network."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from teleread.model.delivery import Choice, OutboxItem, Receipt
from teleread.model.errors import AttentionError, LockedError, UsageError
from teleread.model.events import Event
from teleread.model.hubfile import HubFile
from teleread.model.identity import Finding, Match
from teleread.model.patient import NHS_SYSTEM, Patient, PatientIdentifier
from teleread.model.picture_marks import PictureMark
from teleread.model.report import (
    Check,
    Draft,
    FieldSpec,
    Override,
    Section,
    SectionSpec,
    SignedReport,
    Template,
    Verdict,
)
from teleread.model.study import InstanceInfo, StudyInfo, StudyKey
from teleread.model.task import Order, OrderedStudy, PriorReport, Task, TaskContext, TaskKey
from teleread.model.text import EMPTY, SafeText, clean
from teleread.signing.acts import cosigners_in
from teleread.workstation.api import (
    AuditView,
    Case,
    Digest,
    Escalation,
    HubLine,
    HubStatus,
    PriorView,
    SeriesView,
    SignSheet,
    Status,
    Transfer,
    Transfers,
    WorklistItem,
)
from teleread.workstation.hanging import hang
from teleread.workstation.picture_api import Hung
from tests.unit.fake_writing import FakeWriting

NOW = datetime(2026, 11, 24, 14, 2, 11, tzinfo=UTC)
PEOPLE = [
    ("RUSSO^Giulia", "F", "1992-03-02", "CT head", "CT", "stat", 12),
    ("OKONKWO^Adaeze", "F", "1979-03-14", "CT abdomen +C", "CT", "stat", 26),
    ("KAUR^Simran", "F", "1997-08-21", "MR lumbar spine", "MR", "urgent", -4),
    ("HUGHES^Dafydd", "M", "1955-01-30", "CT pulmonary angiogram", "CT", "urgent", 48),
    ("NOWAK^Piotr", "M", "1968-06-11", "CT thorax abdo pelvis +C", "CT", "urgent", 110),
    ("ABBOTT^Joan", "F", "1944-07-02", "XR pelvis and hip R", "CR", "asap", 135),
    ("CHEN^Wei-Lin", "F", "2020-02-09", "US abdomen", "US", "asap", 160),
    ("ADEYEMI^Tunde", "M", "1963-04-17", "MR prostate +C", "MR", "routine", 200),
    ("WALSH^Niamh", "F", "1975-12-05", "MG bilateral", "MG", "routine", 305),
    ("PATEL^Hitesh", "M", "1981-05-25", "XR chest PA", "DX", "routine", 540),
    ("MACLEOD^Isla", "F", "1988-09-13", "MR knee L", "MR", "routine", 560),
    ("FERREIRA^Ana", "F", "1960-10-10", "CT sinuses", "CT", "routine", 700),
]
SITES = ("Northgate", "St Bride", "Vale")
HUB_IDS = ("hub-n", "hub-b", "hub-v")
FIELDS = (
    FieldSpec(
        "gallbladder",
        clean("Gallbladder"),
        tuple(map(clean, ("normal", "gallstones", "acute cholecystitis", "absent"))),
    ),
    FieldSpec("spleen", clean("Spleen"), (clean("normal"), clean("enlarged")), clean("normal")),
    FieldSpec("aorta", clean("Aorta"), kind="number", unit="mm", minimum="5", maximum="120"),
)
TEMPLATES = [
    Template(
        name,
        "1",
        clean(title),
        (
            SectionSpec("findings", clean("Findings"), "59776-5", clean("Liver: [normal]."), FIELDS),
            SectionSpec("impression", clean("Impression"), "19005-8"),
        ),
    )
    for name, title in (
        ("ct-abdomen", "CT abdomen (acute)"),
        ("general", "General report"),
        ("mri-knee", "MRI knee"),
    )
]


def nhs_number(seed: int) -> str:
    """A made-up NHS number 999 xxx xxxx with its check digit."""
    for number in range(seed, seed + 50):
        nine = f"999{number % 1000000:06d}"
        total = sum(int(d) * w for d, w in zip(nine, range(10, 1, -1), strict=True))
        check = (11 - total % 11) % 11
        if check < 10:
            return nine + str(check)
    raise AssertionError("no number with a check digit")


def build_item(index: int, **changes: Any) -> WorklistItem:
    """One row."""
    name, sex, birth, procedure, modality, priority, minutes = PEOPLE[index % len(PEOPLE)]
    minutes += 7 * (index // len(PEOPLE)) * 60
    if index >= len(PEOPLE):
        priority = "routine"
    site = index % 3
    held = (80, 80, 80, 80, 50, 80, 14, 80, 80, 80, 0, 0)[index % 12]
    state = {1: "draft", 2: "needs_attention", 8: "signed"}.get(index)
    item = WorklistItem(
        key=TaskKey(HUB_IDS[site], f"t{index}"),
        task=f"{SITES[site]}:t{index}",
        hub=clean(SITES[site]),
        state=clean("requested"),
        mine=index % 2 == 0,
        signable=True,
        why_not=EMPTY,
        priority=clean(priority),
        due=NOW + timedelta(minutes=minutes),
        due_used=max(0.0, min(1.2, 1 - minutes / 240)) if minutes < 240 else 0.1,
        name=clean(name),
        patient_id=clean(f"P{index:06d}"),
        issuer=clean("urn:site"),
        birth_date=clean(birth),
        sex=clean(sex),
        nhs_number=clean(nhs_number(401_000 + index * 7)),
        nhs_status=clean("01"),
        accession=clean(f"{('NG26-', 'SB-', 'V00')[site]}{40518 + index}"),
        procedure=clean(procedure),
        modality=clean(modality),
        site=clean(SITES[site]),
        study_uid=clean(f"1.2.3.{index}"),
        instances=80,
        held=held,
        cached="all" if held == 80 else "part" if held else "none",
        priors_ready=held == 80,
        draft=f"draft-t{index}" if state == "draft" else None,
        report_state=state,
        owner_name=EMPTY,
    )
    return replace(item, **changes)


class NoSpeech:
    """A machine without the extra."""

    def left(self, draft_id: str) -> float:
        return 0.0

    def ready(self) -> None:
        from teleread.dictation.extra import missing_extra

        raise missing_extra()


class FakeStation:
    """Everything the screens ask for, in memory."""

    def __init__(self, count: int = 12, *, settings: Mapping[str, Any] | None = None) -> None:
        self.rows = [build_item(index) for index in range(count)]
        self.settings: dict[str, Any] = {"theme": "reading-room", **(settings or {})}
        self.version = (1, 1)
        self.is_locked = False
        self.drafts: dict[str, Draft] = {}
        self.saved: list[tuple[str, int, dict[str, str]]] = []
        self.signed: list[tuple[str, tuple[Override, ...], str | None]] = []
        self.discarded: list[tuple[str, str]] = []
        self.resolved: list[tuple[str, str, str]] = []
        self.told: list[tuple[str, str, str]] = []
        self.undone: list[str] = []
        self.acts: list[tuple[str, ...]] = []
        self.changed: list[tuple[str, str]] = []
        self.claimed: list[TaskKey] = []
        self.given_back: list[tuple[TaskKey, str, str]] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.paused = False
        self.wished: list[tuple[str, StudyKey | None]] = []
        self.secret = "opensesame"
        self.pin = ""
        self.match = Match((Finding("patient-id", "ok", clean("order and images name the same patient")),))
        self.engine = True
        self.offline = True
        self.escalations: tuple[Escalation, ...] = ()
        self.pixels: dict[str, bytes] = {}
        self.rejected: dict[str, str] = {}
        self.picture_marks_kept: dict[str, PictureMark] = {}
        self.outbox_items: list[OutboxItem] = self._outbox()
        self.digest: Digest | None = None
        self.read_news: list[int] = []
        self.lines: tuple[HubLine, ...] = ()
        self.extra_checks: list[Check] = []
        self.challenge = "day"
        self.writing = FakeWriting(self)
        self.speech: Any = NoSpeech()

    # -- worklist ---------------------------------------------------------------------------------
    def items(self, query: str = "", limit: int | None = None) -> Sequence[WorklistItem]:
        return list(self.rows[:limit])

    def age_seconds(self) -> float | None:
        return 40.0

    def status(self) -> Status:
        hubs = tuple(
            HubStatus(
                hub_id,
                clean(name),
                not (name == "Vale" and self.offline),
                NOW - timedelta(minutes=6) if name == "Vale" and self.offline else None,
                NOW - timedelta(seconds=40),
                EMPTY,
                0.2,
            )
            for hub_id, name in zip(HUB_IDS, SITES, strict=True)
        )
        waiting = sum(item.state in {"held", "queued", "sending"} for item in self.outbox_items)
        needs = sum(item.state == "needs_attention" for item in self.outbox_items)
        return Status(
            hubs, waiting + needs, needs, 2, 31, self.engine, self.escalations, False, 540.0, self.digest
        )

    def data_version(self) -> tuple[int, int]:
        return self.version

    def resolve_task(self, text: str) -> TaskKey:
        for row in self.rows:
            if row.task == text:
                return row.key
        raise UsageError("No such task.")

    # -- case -------------------------------------------------------------------------------------
    def row(self, key: TaskKey) -> WorklistItem:
        return next(row for row in self.rows if row.key == key)

    def open_case(self, key: TaskKey) -> Case:
        item = self.row(key)
        order = Order(
            clean("order"),
            clean("1"),
            clean("active"),
            (item.accession,),
            item.procedure,
            question=clean("RUQ pain, fever 38.9, ALT 212, CRP 164. ?liver abscess ?cholangitis"),
            requester=clean("A&E, Dr B Ward"),
            contact=clean("01632 960 001"),
            authored=NOW - timedelta(hours=3),
            occurrence=NOW - timedelta(minutes=30),
        )
        patient = Patient(
            clean("p"),
            clean("1"),
            item.name,
            (
                PatientIdentifier(item.patient_id, item.issuer),
                PatientIdentifier(item.nhs_number, SafeText(NHS_SYSTEM), clean("01")),
            ),
            item.birth_date,
            item.sex,
        )
        context = TaskContext(
            key,
            Task(clean(key.task_id), clean("1"), item.state, item.priority),
            order,
            patient,
            OrderedStudy(clean("s"), clean("1"), item.study_uid, item.modality, 3, 80, NOW),
        )
        prior_report = PriorReport(
            clean("r1"),
            clean("1"),
            clean("final"),
            clean("1.2.9"),
            clean("NG25-1"),
            clean("CT abdomen"),
            clean("Dr M Grant"),
            NOW - timedelta(days=205),
            clean(
                "Liver normal, no focal lesion. Aorta 23 mm at the hiatus.\nRIGHT renal cyst 17 mm.",
                multiline=True,
            ),
        )
        priors = (
            PriorView(
                "1.2.9",
                NOW - timedelta(days=205),
                clean("CT"),
                clean("CT abdo"),
                "all",
                True,
                clean("same part, 7 months"),
                prior_report,
            ),
            PriorView(
                "1.2.10",
                NOW - timedelta(days=278),
                clean("US"),
                clean("US abdo"),
                "all",
                True,
                clean("same part, 9 months"),
                None,
            ),
            PriorView(
                "1.2.11",
                NOW - timedelta(days=720),
                clean("CR"),
                clean("XR abdo"),
                "none",
                True,
                clean("same part, 2 years"),
                None,
            ),
            PriorView(
                "1.2.12",
                NOW - timedelta(days=1900),
                clean("CT"),
                clean("CT head"),
                "none",
                False,
                clean("another part"),
                None,
            ),
        )
        study = StudyInfo(
            StudyKey(key.hub_id, str(item.study_uid)), item.held, 80, 218_000_000, "2026-11-24T13:51:00Z"
        )
        draft = next((one for one in self.drafts.values() if one.key == key and one.state == "open"), None)
        return Case(
            item,
            context,
            study,
            self.study_series(key.hub_id, str(item.study_uid)),
            priors,
            self.match,
            draft,
            True,
        )

    def study_series(self, hub_id: str, study_uid: str) -> tuple[SeriesView, ...]:
        made = []
        for number, (words, count) in enumerate((("Ax portal 5.0", 8), ("Cor 3.0", 4)), 1):
            instances = tuple(
                InstanceInfo(
                    f"{study_uid}.{number}.{index}",
                    "1.2.840.10008.5.1.4.1.1.2",
                    f"{study_uid}.{number}",
                    "1.2.840.10008.1.2.1",
                    1000,
                    rows=64,
                    columns=64,
                    instance_number=index + 1,
                    position=(0.0, 0.0, -312.5 + 5 * index),
                    orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
                    window=(40.0, 400.0),
                )
                for index in range(count)
            )
            made.append(SeriesView(f"{study_uid}.{number}", clean("CT"), clean(words), number, instances))
        return tuple(made)

    def hung(self, key: TaskKey, prior_uid: str = "") -> Hung:
        case = self.open_case(key)
        held = [one for one in case.priors if one.cached != "none" and prior_uid in ("", one.study_uid)]
        prior = held[0] if held else None
        earlier = self.study_series(key.hub_id, prior.study_uid) if prior is not None else ()
        return Hung(hang(case.series, earlier), prior, earlier)

    def rejected_images(self, hub_id: str, study_uid: str) -> Mapping[str, str]:
        return self.rejected

    def picture_marks(self, study: StudyKey) -> tuple[PictureMark, ...]:
        return tuple(one for one in self.picture_marks_kept.values() if one.study == study)

    def keep_mark(self, mark: PictureMark) -> None:
        self.picture_marks_kept[mark.id] = mark

    def drop_mark(self, mark_id: str) -> None:
        self.picture_marks_kept.pop(mark_id, None)

    def instance_bytes(self, hub_id: str, study_uid: str, sop_uid: str) -> bytes:
        return self.pixels.get(sop_uid) or self.pixels.get("*") or b""

    def templates_for(self, key: TaskKey) -> Sequence[tuple[Template, SafeText]]:
        return [
            (TEMPLATES[0], clean("CT, says abdomen")),
            (TEMPLATES[1], clean("it suits every procedure")),
        ]

    def templates(self) -> Sequence[Template]:
        return TEMPLATES

    # -- drafts -----------------------------------------------------------------------------------
    def start_draft(self, key: TaskKey, template_id: str | None = None) -> Draft:
        for one in self.drafts.values():
            if one.key == key and one.state == "open":
                return one
        texts = {
            "clinical-information": ("Clinical information", "RUQ pain, fever 38.9, ALT 212, CRP 164."),
            "technique": ("Technique", "Portal venous phase."),
            "comparison": ("Comparison", "CT abdomen of 3 May 2026."),
            "findings": (
                "Findings",
                "The liver is of normal size with no focal lesion. Aorta 24 mm at the hiatus.\n"
                "Small cyst in the RIGHT kidney. Spleen: [normal]. Gallbladder: [?Gallbladder]",
            ),
            "impression": ("Impression", ""),
        }
        draft = Draft(
            f"draft-{key.task_id}",
            key,
            "report",
            template_id or "ct-abdomen",
            "1",
            1,
            tuple(
                Section(name, clean(label), "0-0", clean(text, multiline=True))
                for name, (label, text) in texts.items()
            ),
            saved_at=NOW,
            created_at=NOW,
        )
        self.drafts[draft.id] = draft
        return draft

    def save_draft(self, draft_id: str, seq: int, texts: Mapping[str, str]) -> int:
        draft = self.drafts[draft_id]
        if seq != draft.seq:
            raise AttentionError("Another window wrote meanwhile.", code="stale-draft")
        self.saved.append((draft_id, seq, dict(texts)))
        sections = tuple(
            replace(one, text=clean(texts[one.id], multiline=True)) if one.id in texts else one
            for one in draft.sections
        )
        self.drafts[draft_id] = replace(draft, seq=seq + 1, sections=sections, saved_at=NOW)
        return seq + 1

    def draft(self, draft_id: str) -> Draft:
        return self.drafts[draft_id]

    def take_draft(self, draft_id: str) -> Draft:
        return self.drafts[draft_id]

    def release_draft(self, draft_id: str) -> None:
        return None

    def change_template(self, draft_id: str, template_id: str) -> Draft:
        self.changed.append((draft_id, template_id))
        draft = self.drafts[draft_id]
        self.drafts[draft_id] = replace(draft, template_id=template_id, seq=draft.seq + 1)
        return self.drafts[draft_id]

    def discard_draft(self, draft_id: str, reason: str) -> None:
        self.discarded.append((draft_id, reason))
        self.drafts[draft_id] = replace(self.drafts[draft_id], state="discarded")

    def checks(self, draft_id: str) -> Sequence[Check]:
        draft = self.drafts[draft_id]
        found = []
        impression = draft.section("impression")
        if impression is None or not impression.text.strip():
            found.append(
                Check(
                    "empty-impression",
                    "block",
                    clean("The impression is empty"),
                    clean("no answer"),
                    "impression",
                )
            )
        for one in draft.sections:
            if "[?" in one.text:
                found.append(
                    Check(
                        "unresolved-field",
                        "block",
                        clean("Gallbladder is not filled in"),
                        clean("gap"),
                        one.id,
                        "gallbladder",
                    )
                )
        return [*found, *self.extra_checks]

    # -- signing ----------------------------------------------------------------------------------
    def sign_sheet(self, draft_id: str, overrides: Sequence[Override] = ()) -> SignSheet:
        draft = self.drafts[draft_id]
        given = {one.rule for one in overrides}
        item = self.row(draft.key)
        impression = draft.section("impression")
        answer = {"day": str(item.birth_date)[8:10], "accession": str(item.accession)[-2:]}
        answer["day-month"] = str(item.birth_date)[8:10] + str(item.birth_date)[5:7]
        return SignSheet(
            draft,
            clean("final report, version 1"),
            impression.text if impression else EMPTY,
            (clean("RIGHT kidney"),),
            EMPTY,
            tuple(one for one in self.checks(draft_id) if one.id not in given),
            tuple(overrides),
            clean("Northgate"),
            True,
            0,
            bool(self.pin),
            False,
            self.challenge,
            answer.get(self.challenge, ""),
            tuple(clean(f"{one.name} ({one.role})") for one in cosigners_in(draft.fields)),
        )

    def sign(
        self, draft_id: str, overrides: Sequence[Override] = (), *, pin: str | None = None
    ) -> SignedReport:
        if self.pin and pin != self.pin:
            raise LockedError("That PIN does not open the signing key.", "4 tries are left.")
        self.signed.append((draft_id, tuple(overrides), pin))
        draft = self.drafts[draft_id]
        self.drafts[draft_id] = replace(draft, state="signed")
        frozen = b"{}"
        report = SignedReport(
            str(uuid.uuid5(uuid.NAMESPACE_URL, draft_id)),
            1,
            draft_id,
            draft.key,
            "report",
            frozen,
            hashlib.sha256(frozen).hexdigest(),
            "a..b",
            NOW,
            str(uuid.uuid5(uuid.NAMESPACE_URL, "k" + draft_id)),
        )
        index = next(i for i, row in enumerate(self.rows) if row.key == draft.key)
        self.rows[index] = replace(self.rows[index], report_state="signed", draft=None)
        self.outbox_items.append(
            OutboxItem(
                f"o-{draft_id}", "report", draft.key, "queued", "dev", 99, report.idempotency_key,
                self.rows[index].accession, report.report_id, 1, created_at=NOW,
            )
        )  # fmt: skip
        return report

    def undo_sign(self, outbox_id: str) -> Draft:
        self.undone.append(outbox_id)
        return next(iter(self.drafts.values()))

    def addendum(self, report_id: str) -> Draft:
        return next(iter(self.drafts.values()))

    def correct(self, report_id: str, reason: str = "", told: str = "") -> Draft:
        self.acts.append(("correct", report_id, reason, told))
        return self.start_draft(self.rows[0].key)

    def withdraw(self, report_id: str, reason: str, told: str) -> Draft:
        self.acts.append(("withdraw", report_id, reason, told))
        return self.start_draft(self.rows[0].key)

    def report(self, report_id: str, version: int | None = None) -> SignedReport:
        return self.reports()[0]

    def reports(self, words: str = "") -> Sequence[SignedReport]:
        return [
            SignedReport(
                "r-1",
                1,
                "d",
                self.rows[0].key,
                "report",
                b"{}",
                "0" * 64,
                "a..b",
                NOW,
                "k",
                self.rows[0].accession,
            )
        ]

    def verify(self, report_id: str) -> Verdict:
        content = {"sections": [{"id": "impression", "label": "Impression", "text": "No abscess."}]}
        return Verdict(True, "own", clean("Dr R Reader"), "2026-11-24T14:02:11Z", "0" * 64, EMPTY, content)

    # -- outbox -----------------------------------------------------------------------------------
    def _outbox(self) -> list[OutboxItem]:
        if len(self.rows) < 9:
            return []

        def one(index: int, state: str, why: str, **more: Any) -> OutboxItem:
            row = self.rows[index]
            return OutboxItem(
                f"o{index}", "report", row.key, state, "dev", index, f"k{index}", row.accession,
                f"r{index}", 1,
                clean(why), created_at=NOW - timedelta(minutes=index), **more,
            )  # fmt: skip

        return [
            one(
                2,
                "needs_attention",
                "another final report exists",
                choices=(
                    Choice("second-opinion", clean("Send it as a second opinion beside theirs")),
                    Choice("addendum", clean("Make it an addendum to their report")),
                    Choice("withdraw", clean("Withdraw it, with a reason")),
                ),
            ),
            one(1, "held", "undo window, u takes it back", not_before=NOW + timedelta(minutes=2, seconds=41)),
            one(8, "sending", "unknown: asked the hub twice"),
            one(3, "delivered", "", receipt=Receipt(clean("7f3c-0192"), clean("1"), "0" * 64, "", NOW)),
        ]

    def outbox(self) -> Sequence[OutboxItem]:
        return list(self.outbox_items)

    def hub_lines(self) -> tuple[HubLine, ...]:
        return self.lines

    def read_digest(self, up_to: int) -> None:
        self.read_news.append(up_to)
        self.digest = None

    def outbox_beside(self, outbox_id: str) -> Sequence[tuple[str, Sequence[str]]]:
        if outbox_id != "o2":
            return []
        theirs = ["No fracture.", *(f"Line {number}." for number in range(60))]
        compared = ["- No fracture.", "+ Fracture of L2."]
        yours = ["Fracture of L2."]
        return [("Theirs, Dr Other 2026-11-24", theirs), ("Yours", yours), ("Compared", compared)]

    def outbox_retry(self, outbox_id: str) -> None:
        self.requests.append(("retry", {"id": outbox_id}))

    def outbox_resolve(self, outbox_id: str, choice: str, reason: str = "") -> None:
        self.resolved.append((outbox_id, choice, reason))

    def outbox_told(self, outbox_id: str, whom: str, when: str) -> None:
        self.told.append((outbox_id, whom, when))

    # -- network ----------------------------------------------------------------------------------
    def sync(self, *, pull: bool = True, push: bool = True, timeout: float = 600.0) -> dict[str, Any]:
        return {"pulled": 3, "pushed": 1}

    def claim(self, key: TaskKey, timeout: float = 60.0) -> WorklistItem:
        self.claimed.append(key)
        index = next(i for i, row in enumerate(self.rows) if row.key == key)
        self.rows[index] = replace(self.rows[index], mine=True)
        return self.rows[index]

    def give_back(self, key: TaskKey, reason_code: str, reason: str = "", timeout: float = 60.0) -> None:
        self.given_back.append((key, reason_code, reason))

    def fetch(
        self, hub_id: str, study_uid: str, *, via: str = "auto", priors: int = 0, timeout: float = 3600.0
    ) -> dict[str, Any]:
        return {"complete": True}

    def transfers(self) -> Transfers:
        one, two, three, four = (self.rows * 4)[:4]
        key = StudyKey("hub", "1.2.3")
        return Transfers(
            (
                Transfer(
                    key,
                    one.key,
                    one.name,
                    one.procedure,
                    "running",
                    50,
                    80,
                    40_000_000,
                    2.5e6,
                    12.0,
                    why=clean("next 1 of 5 that nobody holds, urgent"),
                ),
                Transfer(
                    replace(key, study_uid="1.2.4"),
                    two.key,
                    two.name,
                    clean("an earlier study"),
                    "failed",
                    wait=clean("The line to the archive broke."),
                    remedy=clean("It is asked again by itself."),
                ),
                Transfer(
                    replace(key, study_uid="1.2.5"),
                    three.key,
                    three.name,
                    three.procedure,
                    "waits",
                    3,
                    9,
                    wait=clean("quiet hours until 21:30"),
                ),
                Transfer(replace(key, study_uid="1.2.6"), four.key, four.name, four.procedure, "here", 9, 9),
            ),
            paused=self.paused,
            rate=2.5e6,
        )

    def transfer_pause(self, study: StudyKey | None = None) -> bool:
        self.paused = not self.paused
        self.wished.append(("pause", study))
        return self.paused

    def transfer_first(self, study: StudyKey) -> None:
        self.wished.append(("first", study))

    def request(self, kind: str, args: Mapping[str, Any]) -> int:
        self.requests.append((kind, dict(args)))
        return len(self.requests)

    def hand_off(self, hub_id: str, study_uid: str, priors: Sequence[str] = ()) -> None:
        self.requests.append(("handoff", {"hub_id": hub_id, "study_uid": study_uid, "priors": list(priors)}))

    def end_hand_off(self, hub_id: str, study_uid: str) -> None:
        self.requests.append(("handoff-close", {"hub_id": hub_id, "study_uid": study_uid}))

    def keep_engine(self) -> None:
        """The fake has none to keep."""

    def events_since(self, event_id: int) -> Sequence[Event]:
        made = [
            Event(1, NOW, "fetch-started", {"study_uid": "1.2.3.4", "via": "dicomweb"}),
            Event(2, NOW, "fetch-progress", {"study_uid": "1.2.3.4", "held": 50, "expected": 80}),
            Event(3, NOW, "pulled", {"count": 12}),
        ]
        return [one for one in made if one.id > event_id]

    # -- vault ------------------------------------------------------------------------------------
    def lock(self) -> None:
        self.is_locked = True

    def locked(self) -> bool:
        return self.is_locked

    def unlock(self, secret: str) -> None:
        if secret != self.secret:
            raise LockedError("That is neither the PIN nor the passphrase.", "4 tries are left.")
        self.is_locked = False

    def hubs(self) -> Sequence[HubFile]:
        return [
            HubFile(hub_id, name, site_phone="01632 960 001")
            for hub_id, name in zip(HUB_IDS, SITES, strict=True)
        ]

    def setting(self, key: str) -> Any:
        if key not in self.settings and key not in _DEFAULTS:
            raise UsageError("There is no such setting.")
        return self.settings.get(key, _DEFAULTS.get(key))

    def set_setting(self, key: str, value: Any) -> None:
        self.settings[key] = value

    def health(self) -> Sequence[tuple[str, bool, str, str]]:
        return [("disk", True, "212 GB free.", ""), ("archive Vale", False, "It refuses.", "Ask Vale.")]

    def audit_trail(self, limit: int) -> AuditView:
        return AuditView((("2026-11-24 14:02:11", "draft-started", "Northgate d-1"),), True, 1)

    def close(self) -> None:
        return None


_DEFAULTS: dict[str, Any] = {
    "glyphs": "unicode", "key_preset": "default", "keys": {}, "filters": {},
    "idle_minutes": 10, "theme": "auto",
}  # fmt: skip
