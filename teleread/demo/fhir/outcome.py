"""Refusals of the demo hub, as FHIR says them."""

from __future__ import annotations

from typing import Any

__all__ = ["RefusalError", "issue", "outcome"]


class RefusalError(Exception):
    """The hub will not do it. Never leaves the demo: the web server turns it into an OperationOutcome.

    Args:
        status: HTTP status code.
        code: An issue type of FHIR (``conflict``, ``not-found``, ``invalid``, ...).
        words: What is wrong, without patient data.
    """

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.code = code
        self.words = words

    def document(self) -> dict[str, Any]:
        """The OperationOutcome to answer with."""
        return outcome(issue("error", self.code, self.words))


def issue(severity: str, code: str, words: str) -> dict[str, Any]:
    """One entry of an OperationOutcome."""
    return {"severity": severity, "code": code, "diagnostics": words}


def outcome(*issues: dict[str, Any]) -> dict[str, Any]:
    """An OperationOutcome resource."""
    return {"resourceType": "OperationOutcome", "issue": list(issues)}
