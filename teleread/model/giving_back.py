"""Why a task may be given back: DICOM CID 9303, Interpretation Request Discontinuation Reason (PS3.16)."""

from __future__ import annotations

from typing import Final

__all__ = ["REASONS"]

REASONS: Final[dict[str, str]] = {
    "110513": "Discontinued for unspecified reason",
    "110532": "Interpretation requires specialist expertise",
    "110531": "Insufficient quality for interpretation",
    "110523": "Object set incomplete",
    "110502": "Incorrect procedure ordered",
    "110510": "Duplicate order",
    "110504": "Patient died",
    "110526": "Resource pre-empted",
    "110530": "Workitem assignment rejected by assigned resource",
    "110500": "Doctor cancelled procedure",
    "110509": "Change of procedure for correct charging",
}
"""DCM code to its meaning; the nine that a reader gives come first."""
