"""Sizes of a window at which the reading screen changes its shape, columns and rows."""

from __future__ import annotations

from typing import Final

__all__ = ["FOOT_FROM", "ORDER_FROM", "PRIORS_FROM", "THREE_PANES", "TWO_PANES"]

TWO_PANES: Final = 120
"""Columns from which pictures and report stand side by side."""
THREE_PANES: Final = 180
"""Columns from which the worklist stands left of both."""
PRIORS_FROM: Final = 20
"""Rows from which the priors have a row of their own."""
ORDER_FROM: Final = 17
"""Rows from which the order has one; below, the identity row carries it."""
FOOT_FROM: Final = 40
"""Rows from which the checks stand at the report's foot."""
