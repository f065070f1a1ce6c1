"""The app: it starts, polls the vault, routes; screens decide, widgets draw."""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar, Final

from textual import events
from textual.app import App, ScreenStackError
from textual.css.query import NoMatches

from teleread.host.clock import Clock
from teleread.model.errors import LockedError, TelereadError, UsageError
from teleread.workstation.api import Workstation

from . import graphics, guard, inputs, paint
from .ahead import Ahead, DecoderFactory
from .calm import Calm
from .face import Notice
from .glyphs import ASCII, UNICODE, Glyphs
from .keys import Keymap
from .screens.place import Place
from .screens.worklist import Worklist
from .terminal import first_look, on_hangup
from .themes import DARK, FALLBACK, Look
from .typeahead import TypeAhead
from .watching import POLL_SECONDS, Watching
from .widgets.lines import Lines

__all__ = ["DecoderFactory", "TelereadApp", "run"]

log = logging.getLogger("teleread.tui")

SWITCH_SECONDS: Final = 0.0005
"""How long a thread that reads the vault may hold the interpreter while a key waits (Python's own: 5 ms)."""
MESSAGE_SECONDS: Final = 6.0
REST_SECONDS: Final = 0.1
"""A reader whose last key is so long ago is not held up by a little work."""
REST_TURNS: Final = 20
LEADING: Final = frozenset({"act", "look", "next", "report", "sign", "templates"})
"""Groups of work that end with the keys going somewhere else."""
WIDTH_QUESTION: Final = "\x1b[H\u25cf\x1b[6n"
"""Home, a black circle, and where is the cursor now."""
ANSWER_SECONDS: Final = 1.0
"""How long that answer is waited for; meanwhile everything goes on."""


class TelereadApp(Watching, inherit_bindings=False):
    """The terminal face on a workstation.

    Args:
        workstation: The use cases.
        demo: Show DEMO on every screen and behind every name.
        decoder_factory: Makes the decoding pool when the first case opens; None uses the built-in one.
        clock: Where time comes from.
    """

    CSS_PATH: ClassVar = ["styles/teleread.tcss"]
    TITLE = "teleread"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False

    def __init__(
        self,
        workstation: Workstation,
        *,
        demo: bool = False,
        decoder_factory: DecoderFactory | None = None,
        clock: Clock | None = None,
    ) -> None:
        guard.install()
        inputs.install()
        graphics.install()
        super().__init__(workstation, demo=demo, clock=clock)
        self.ahead = Ahead(decoder_factory)
        self.decoder_factory = self.ahead.decoder
        self.first_problem = ""
        self._keys = TypeAhead(self, super().on_event, self._acting, self._standing)
        self.asks_pictures = False
        """Ask the terminal which pictures it can show."""
        self.mishaps: list[str] = []
        """Mistakes of this program at worker boundaries: kinds and places, no values."""
        self._touched_at = self.clock.monotonic()
        self._message_timer: Any = None
        for look in (*self.looks.values(), FALLBACK()):
            self.register_theme(look.textual())
        self._choose_keys()
        self._asked_width = -1e9
        self._ask_width = self.setting("glyphs", "auto") == "auto"
        if self.setting("glyphs", "auto") == "ascii":
            self.use_glyphs(ASCII)

    @property
    def _background_screens(self) -> list[Any]:
        """Screens seen below the one on top: none, ours cover all of it.

        Textual counts the one below always, and paints the whole terminal anew whenever that one changes.
        """
        return []

    # -- start ------------------------------------------------------------------------------------
    def _choose_keys(self) -> None:
        try:
            self.keymap = Keymap.load(self.setting("key_preset", "default"), self.setting("keys", {}))
        except UsageError as error:
            self.first_problem = f"{error} The default keys are in use."

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The roles, for the stylesheet's first reading."""
        return self.look.textual().variables

    def choose_look(self, name: str) -> None:
        """Use a theme."""
        self.look = self.looks.get(name) or self.looks.get(DARK) or FALLBACK()
        self.theme = self.look.name
        for screen in self.screen_stack:
            for widget in screen.walk_children():
                widget.refresh()

    def adopt(self, name: str, value: str) -> None:
        """Take a changed setting up: theme and signs at once, the others when they are next read."""
        if name == "theme" and value in self.looks:
            self.choose_look(value)
        elif name == "glyphs":
            self.use_glyphs(ASCII if value == "ascii" else UNICODE)

    def use_glyphs(self, glyphs: Glyphs) -> None:
        """Draw everything with another set of signs."""
        self.glyphs = glyphs
        paint.use_plain(glyphs is ASCII)
        for screen in self.screen_stack:
            screen.refresh(layout=True)
            for widget in screen.walk_children():
                widget.refresh()
                if isinstance(widget, Lines):
                    widget.renew()
            if isinstance(screen, Place):
                screen.lay_out_again()

    def begin_with(self, look: Look) -> None:
        """Take a theme before the app runs: changed later, every style would be read a second time."""
        self.look = look
        self.set_reactive(App.theme, look.name)
        for name, on in (("-dark-mode", look.dark), ("-light-mode", not look.dark)):
            self.set_class(on, name, update=False)
        self._refresh_truecolor_filter(self.ansi_theme)
        self.stylesheet.set_variables(self.get_css_variables())

    def get_default_screen(self) -> Worklist:
        """The worklist is the first level; there is no empty screen below it."""
        return Worklist()

    def on_mount(self) -> None:
        """Begin to look at the vault."""
        self._ask_cell_width()
        if self.theme != self.look.name:
            self.theme = self.look.name
        self.set_interval(POLL_SECONDS, self._poll)
        self.call_after_refresh(self.calm.settle)
        self.call_after_refresh(self.ahead.begin)
        if self.asks_pictures:
            self.call_after_refresh(self._ask_pictures)
        if self.first_problem:
            self.call_after_refresh(self.tell, self.first_problem, "warn")
        for name, why in self.failed_looks.items():
            self.notices.append(Notice(self.now(), "warn", f"The theme file {name} is not used: {why}"))

    def _ask_cell_width(self) -> None:
        """Print a sign of ambiguous width where the first paint covers it, and ask where the cursor is."""
        if self._ask_width and self._driver is not None:
            self._asked_width = self.clock.monotonic()
            self._driver.write(WIDTH_QUESTION)

    def _ask_pictures(self) -> None:
        """Ask the terminal which pictures it can show; nothing waits for the answer."""
        driver = self._driver
        if driver is not None:
            self.graphics.ask(driver.write, lambda: self.call_from_thread(self._pictures_known))

    def _pictures_known(self) -> None:
        for screen in self.screen_stack:
            for wall in screen.query("PictureWall"):
                wall.renew_painters()  # type: ignore[attr-defined] # only known by name: it is loaded later

    def on_cursor_position(self, event: events.CursorPosition) -> None:
        """The terminal's answer: two cells, and every layout would break, so plain signs are drawn."""
        asked, self._asked_width = self._asked_width, -1e9
        if self.clock.monotonic() - asked <= ANSWER_SECONDS and event.x == 2:
            self.use_glyphs(ASCII)

    # -- idle, messages, work ---------------------------------------------------------------------
    def touched(self) -> None:
        """The reader did something: idle time begins anew, an old message goes."""
        self._touched_at = self.clock.monotonic()

    def idle_seconds(self) -> float:
        """Seconds since the reader did something."""
        return self.clock.monotonic() - self._touched_at

    async def rest(self) -> None:
        """Wait while keys come, two seconds at most: for work that only keeps something up."""
        for _ in range(REST_TURNS if self.calm.active else 0):
            if self.idle_seconds() >= REST_SECONDS:
                return
            await asyncio.sleep(REST_SECONDS)

    def on_resize(self) -> None:
        """A window may become too small, or large enough again."""
        self.call_after_refresh(self.fit_window)

    async def on_event(self, event: events.Event) -> None:
        """Every key and mouse act counts as being there."""
        if isinstance(event, events.Key | events.MouseDown | events.MouseScrollDown | events.MouseScrollUp):
            self.touched()
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            await self._keys.take(event)
        else:
            await super().on_event(event)

    def _acting(self) -> frozenset[object]:
        return frozenset(one for one in self.workers if one.group in LEADING and not one.is_finished)

    def _standing(self) -> bool:
        top = self.screen
        return not isinstance(top, Place) or all(one.is_mounted for one in top.sheets)

    def tell(self, text: str, level: str = "text") -> None:
        """Put a message into the status row for six seconds, and into this day's messages."""
        self.notices.append(Notice(self.now(), level, text))
        del self.notices[:-500]
        for place in self._places():
            place.show_message(text, level)
        if self._message_timer is not None:
            self._message_timer.stop()
        self._message_timer = self.set_timer(MESSAGE_SECONDS, self._clear_message)

    def _clear_message(self) -> None:
        for place in self._places():
            place.show_message("", "text")

    def spawn(self, work: Coroutine[Any, Any, None], group: str, *, exclusive: bool = True) -> None:
        """Run work beside the screen; its errors become messages."""
        guarded = self._guarded(work)
        worker = self.run_worker(
            guarded, group=group, exclusive=exclusive, exit_on_error=False, description=group
        )

        def close(_: object) -> None:  # one that was cancelled before it began would be missed, in words
            guarded.close()
            work.close()

        if worker._task is not None:
            worker._task.add_done_callback(close)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except TelereadError as error:
            self.tell(str(error), "danger" if isinstance(error, LockedError) else "warn")
        except (asyncio.CancelledError, NoMatches, ScreenStackError):
            raise
        except Exception as error:  # the worker boundary
            self.mishaps.append(f"{type(error).__name__} at {_where(error)}")
            log.error("a worker ended by %s", self.mishaps[-1])
            self.tell("Something went wrong in this program. What was saved is safe.", "danger")

    def act(self, action_id: str) -> None:
        """Do an action on the screen that is on top."""
        self.spawn(self.place.action_act(action_id), "act", exclusive=False)

    # -- what must not happen ---------------------------------------------------------------------
    def _fatal_error(self) -> None:
        """End without the traceback and locals that Textual would print into the scrollback."""
        self._return_code = 1
        error = self._exception
        name = type(error).__name__ if error else "error"
        log.error("the screen ended by %s at %s", name, _where(error))
        self.exit_words = (
            f"teleread ended by a mistake of its own ({name}, {_where(error)}). What was saved is safe."
        )
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        """Print no traceback: it would carry text of a patient into the scrollback."""
        self._exit_renderables.clear()

    exit_words = ""

    def deliver_screenshot(self, *args: Any, **kwargs: Any) -> None:
        """Pictures of the screen are not written to files."""
        return None

    def copy_to_clipboard(self, text: str) -> None:
        """Nothing goes to the terminal's clipboard: over SSH it leaves this machine."""


def _where(error: BaseException | None) -> str:
    """Files and lines of an error, without values."""
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-6:])


def run(
    workstation: Workstation, *, demo: bool = False, decoder_factory: DecoderFactory | None = None
) -> int:
    """Run the terminal face until the reader leaves.

    Args:
        workstation: The use cases, its vault open.
        demo: Made-up patients: say DEMO everywhere.
        decoder_factory: Makes the decoding pool; called when the first case opens.

    Returns:
        Exit code: 0, or 1 where the screen ended by a mistake of its own.
    """
    calm = Calm()
    calm.begin()
    app = TelereadApp(workstation, demo=demo, decoder_factory=decoder_factory)
    app.calm, app.ahead.active = calm, True
    app.asks_pictures = True
    picked = app.setting("theme", "auto")
    app.begin_with(app.looks.get(picked) or app.looks.get(first_look(picked)) or FALLBACK())
    app.preload()
    sys.setswitchinterval(SWITCH_SECONDS)
    on_hangup(lambda: app.call_later(app.exit, return_code=1))
    result = app.run(mouse=True)
    microphone = getattr(app, "microphone", None)
    if microphone is not None:
        microphone.close()
    app.ahead.close()
    app.calls.close()
    if app.exit_words:
        print(app.exit_words, file=sys.stderr)
    return app.return_code or result or 0
