"""What lies over the outbox: an item in full, and a choice with its reason and the patient's own number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from teleread.model.delivery import OutboxItem, consequence_of
from teleread.tui.paint import wrap
from teleread.tui.widgets.lines import Row
from teleread.workstation.api import WorklistItem

from .case_sheets import Scrolling
from .code import Question, ReasonSheet

if TYPE_CHECKING:
    from .outbox import Outbox

__all__ = ["DetailSheet", "ResolveSheet"]


class ResolveSheet(ReasonSheet):
    """Acts on a choice: a reason where one is wanted, and the patient's own number.

    Args:
        item: The outbox item.
        choice: Index of the choice.
        row: Its case, for the name and the number asked.
    """

    NOT_SAID = "Enter writes a reason; it is audited."

    def __init__(self, item: OutboxItem, choice: int, row: WorklistItem) -> None:
        self.item_of = item
        self.choice = item.choices[choice]
        asks = ("Why", str(self.choice.text))
        super().__init__("Choose", row.name, Question.of_identity(row.birth_date, row.accession), asks)

    def rows(self, width: int) -> Sequence[Row]:
        """What happened, what will be done, why."""
        made = self.title_rows(width, "nothing is sent until you do")
        made.append(self.ruled("What happened", width))
        made += [(self.start().put(part), None) for part in wrap(str(self.item_of.why), width - 3)]
        made.append(self.ruled("You choose", width))
        made += [(self.start().put(part, "strong"), None) for part in wrap(str(self.choice.text), width - 3)]
        does = consequence_of(self.choice.id, self.item_of.kind)
        made += [(self.start().put(part, "soft"), None) for part in wrap(does, width - 3) if part]
        return made + self.reason_rows("Why", width)

    async def act_now(self) -> None:
        """Act on it."""
        station = self.face.workstation
        await self.face.calls.vault(station.outbox_resolve, self.item_of.id, self.choice.id, self.reason)
        self.finish(True)
        self.face.tell(f"Done: {self.choice.text}.", "good")
        self.face.wake()


class DetailSheet(Scrolling[int]):
    """An item in full, others' reports and the reader's own below it."""

    HINTS = (("↑ ↓", "scroll"), ("1-9", "choose"), ("Esc", "back"))

    def __init__(self, outbox: Outbox) -> None:
        super().__init__()
        self.outbox = outbox

    def wanted(self) -> int:
        """As high as its rows."""
        return len(self.outbox.detail_rows(self.app.size.width - 1, "raised")) + 1

    def rows(self, width: int) -> Sequence[Row]:
        """The detail."""
        return self.outbox.detail_rows(width, "raised")

    def do_sheet_code(self, key: str) -> None:
        """A number chooses."""
        self.finish(int(key))
