"""Keys that come faster than screens change: each one waits until the one before has done what it does.

Textual hands a key to whatever has the focus at that moment, and does what it means later. Of ``/ct`` in one
write the ``c`` would still go to the list, and be lost; of ``gs`` the ``s`` would never reach the menu.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Set
from typing import TYPE_CHECKING, Any, Final

from textual import events
from textual.message_pump import MessagePump

if TYPE_CHECKING:
    from textual.app import App

__all__ = ["TypeAhead"]

PATIENCE: Final = 1.0
"""Seconds a key waits for the one before; longer work goes on beside the keys."""
LONGEST: Final = 10.0
"""Seconds it waits, even so, for what that one opened to stand: on a busy machine a menu takes its time."""
LOOK_AGAIN: Final = 0.005
MOST: Final = 4096
"""Keys that wait at once; a terminal that sends more is not typed at."""

Deliver = Callable[[events.Event], Awaitable[None]]


class _Then:
    """What is done behind all that waits in a queue; Textual would look up the signature of anything else."""

    _param_count = 0

    def __init__(self, act: Callable[..., object], *args: object) -> None:
        self._act, self._args = act, args

    def __call__(self) -> Any:
        return self._act(*self._args)


def _behind(node: MessagePump, act: Callable[..., object], *args: object) -> bool:
    """Do it once the node has done what waits for it; whether it still takes anything."""
    return node.post_message(events.Callback(callback=_Then(act, *args)))


class TypeAhead:
    """Hands keys on, one at a time.

    Args:
        app: The app.
        deliver: Hands one key to what has the focus.
        acting: What the app is doing now, beside the keys.
        standing: Whether what was opened stands, and has the focus.
    """

    def __init__(
        self,
        app: App[int],
        deliver: Deliver,
        acting: Callable[[], Set[object]],
        standing: Callable[[], bool],
    ) -> None:
        self._app, self._deliver = app, deliver
        self._acting, self._standing = acting, standing
        self._waiting: deque[events.Event] = deque(maxlen=MOST)
        self._turn = 0
        """Number of the key that is being handled; 0 for none."""
        self._count = 0
        self._before: Set[object] = frozenset()
        """What went on already when the key came: it is not waited for."""
        self._limit: asyncio.TimerHandle | None = None

    async def take(self, event: events.Event) -> None:
        """A key, or a paste."""
        if self._turn:
            self._waiting.append(event)
        else:
            await self._hand(event)

    async def _hand(self, event: events.Event) -> None:
        self._count += 1
        turn = self._turn = self._count
        self._before = self._acting()
        target = self._app.focused or self._app.screen
        # What has the focus may be gone before it can say that it is done: then the clock says so.
        loop = asyncio.get_running_loop()
        self._limit = loop.call_later(PATIENCE, self._late, turn, loop.time() + LONGEST)
        await self._deliver(event)
        self._rise(target, turn)

    def _rise(self, node: MessagePump, turn: int) -> None:
        """Follow the key up, behind it in each queue, to the app, which does what no widget has done."""
        parent = node._parent
        while node is not self._app and not _behind(node, self._rise, parent or self._app, turn):
            node, parent = parent or self._app, parent._parent if parent is not None else None
        if node is self._app:
            _behind(self._app, self._look, turn)

    def _look(self, turn: int) -> None:
        """Go on as soon as the screen stands."""
        if turn != self._turn:
            return
        if self._standing() and self._acting() <= self._before:
            _behind(self._app, self._next, turn)
        else:
            asyncio.get_running_loop().call_later(LOOK_AGAIN, self._look, turn)

    def _late(self, turn: int, until: float) -> None:
        """No work is waited for any longer; what was opened still has to stand."""
        loop = asyncio.get_running_loop()
        if turn != self._turn:
            return
        if self._standing() or loop.time() >= until:
            _behind(self._app, self._next, turn)
        else:
            self._limit = loop.call_later(LOOK_AGAIN, self._late, turn, until)

    async def _next(self, turn: int) -> None:
        if turn != self._turn:
            return
        self._turn = 0
        if self._limit is not None:
            self._limit.cancel()
        if self._waiting:
            await self._hand(self._waiting.popleft())
