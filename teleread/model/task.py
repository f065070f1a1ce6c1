"""Task, order and what belongs to them: one reading to do, and the request behind it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .patient import Patient
from .text import EMPTY, SafeText

__all__ = [
    "PRIORITIES",
    "Order",
    "OrderedStudy",
    "PriorReport",
    "PriorStudy",
    "Task",
    "TaskContext",
    "TaskKey",
    "Versions",
    "priority_rank",
]

PRIORITIES = ("stat", "urgent", "asap", "routine")
"""FHIR request priority, most pressing first."""


def priority_rank(priority: str) -> int:
    """0 for stat to 3 for routine; unknown ones count as routine."""
    return PRIORITIES.index(priority) if priority in PRIORITIES else len(PRIORITIES) - 1


@dataclass(frozen=True, slots=True, order=True)
class TaskKey:
    """A task's name everywhere in the vault: tasks are (hub_id, task id)."""

    hub_id: str
    """The hub's stable random id, never its label."""
    task_id: str
    """The task's id at that hub."""


@dataclass(frozen=True, slots=True)
class Task:
    """One reading to do (FHIR Task)."""

    id: SafeText
    version: SafeText
    """Version as read, for If-Match; empty where the hub keeps none."""
    status: SafeText
    """FHIR Task.status: requested, accepted, in-progress, completed, cancelled, ..."""
    priority: SafeText = SafeText("routine")  # noqa: RUF009 - an immutable text
    owner: SafeText = EMPTY
    """Reference or identifier of who holds it (``Practitioner/reader``); empty when unowned."""
    owner_name: SafeText = EMPTY
    requester: SafeText = EMPTY
    """The hospital or site that asks, as shown."""
    description: SafeText = EMPTY
    due: datetime | None = None
    """Task.restriction.period.end, UTC."""
    authored: datetime | None = None
    last_updated: datetime | None = None
    code: SafeText = EMPTY


@dataclass(frozen=True, slots=True)
class Order:
    """The request behind a task (FHIR ServiceRequest)."""

    id: SafeText
    """Logical id; empty where the task names no order that can be read."""
    version: SafeText
    status: SafeText
    """FHIR request status, ``unknown`` where the hub tells none; empty where there is no order."""
    accessions: tuple[SafeText, ...] = ()
    """Accession numbers (identifier type ACSN), the first shown."""
    procedure: SafeText = EMPTY
    """Examination as shown, e.g. ``CT abdomen with contrast``."""
    procedure_code: SafeText = EMPTY
    """Local or NICIP code; empty where none."""
    body_part: SafeText = EMPTY
    laterality: SafeText = EMPTY
    """``LEFT``, ``RIGHT``, ``BILATERAL`` or empty: from bodySite and the procedure's words."""
    priority: SafeText = SafeText("routine")  # noqa: RUF009 - an immutable text
    question: SafeText = EMPTY
    """Clinical question and history; may hold line breaks."""
    requester: SafeText = EMPTY
    contact: SafeText = EMPTY
    """Telephone or other contact of the requester, as shown."""
    authored: datetime | None = None
    occurrence: datetime | None = None
    """When the examination was done."""

    @property
    def accession(self) -> SafeText:
        """The accession number that is shown; empty where there is none."""
        return self.accessions[0] if self.accessions else EMPTY


@dataclass(frozen=True, slots=True)
class OrderedStudy:
    """The study a task is about, as the hub tells it (FHIR ImagingStudy)."""

    id: SafeText
    version: SafeText
    study_uid: SafeText
    modality: SafeText = EMPTY
    series: int | None = None
    instances: int | None = None
    """Instances the hub says it has; None where it does not say."""
    started: datetime | None = None
    description: SafeText = EMPTY
    accessions: tuple[SafeText, ...] = ()
    status: SafeText = SafeText("available")  # noqa: RUF009 - an immutable text


@dataclass(frozen=True, slots=True)
class PriorStudy:
    """An earlier study of the same patient, as the hub lists it."""

    study_uid: SafeText
    modality: SafeText
    description: SafeText
    started: datetime | None
    instances: int | None = None
    accessions: tuple[SafeText, ...] = ()
    procedure_code: SafeText = EMPTY
    """Local or NICIP code of the examination; empty where none is told."""


@dataclass(frozen=True, slots=True)
class PriorReport:
    """An earlier report of the same patient, as the hub holds it."""

    id: SafeText
    """Logical id of the DiagnosticReport."""
    version: SafeText
    status: SafeText
    study_uid: SafeText
    """Study it is about; empty where the hub does not say."""
    accession: SafeText
    title: SafeText
    author: SafeText
    issued: datetime | None
    text: SafeText
    """Plain text with line breaks."""
    conclusion: SafeText = EMPTY


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions of the resources a reader has seen; compared at open and before submission."""

    task: str = ""
    order: str = ""
    patient: str = ""
    study: str = ""

    def changed(self, now: Versions) -> tuple[str, ...]:
        """Names of the resources whose version differs, in the order task, order, patient, study."""
        names = ("task", "order", "patient", "study")
        return tuple(name for name in names if getattr(self, name) != getattr(now, name))


@dataclass(frozen=True, slots=True)
class TaskContext:
    """A task with everything that hangs on it, as one pull or re-read saw it."""

    key: TaskKey
    task: Task
    order: Order
    patient: Patient
    study: OrderedStudy | None
    priors: tuple[PriorStudy, ...] = ()
    prior_reports: tuple[PriorReport, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict)
    """The resources as the hub gave them, by name (``task``, ``order``, ``patient``, ``study``)."""
    seen_at: datetime | None = None
    priors_at: datetime | None = None
    """When the hub was last asked for earlier studies; None: nobody asked, so none listed means nothing."""

    def carrying(self, before: TaskContext | None) -> TaskContext:
        """With the earlier studies that a read of the task does not bring, where the patient is the same."""
        if before is None or before.patient.id != self.patient.id:
            return self
        return replace(
            self,
            priors=self.priors or before.priors,
            prior_reports=self.prior_reports or before.prior_reports,
            priors_at=self.priors_at or before.priors_at,
        )

    @property
    def versions(self) -> Versions:
        """The versions seen."""
        return Versions(
            self.task.version,
            self.order.version,
            self.patient.version,
            self.study.version if self.study else "",
        )

    @property
    def raw_json(self) -> str:
        """The raw resources as compact JSON, for the vault."""
        return json.dumps(self.raw, separators=(",", ":"), ensure_ascii=False)
