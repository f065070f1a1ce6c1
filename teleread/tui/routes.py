"""Where actions lead that are the same on every screen: menus, places, hubs, leaving."""

from __future__ import annotations

from typing import Any

from teleread.model.errors import AttentionError, OfflineError
from teleread.model.task import TaskKey
from teleread.workstation.api import WorklistItem

from .face import Face
from .screens.menus import KeySheet, Palette, go_menu, prefix_menu
from .screens.place import Place
from .screens.small import TooSmall, too_small

__all__ = ["Routes"]


class Routes(Face, inherit_bindings=False):
    """Actions of the app: ``do_noun_verb(key)``."""

    handed: tuple[str, str] | None = None
    """Hub and study that the diagnostic viewer has."""

    @property
    def place(self) -> Place:
        """The full screen on top, sheets left aside."""
        return next(screen for screen in reversed(self.screen_stack) if isinstance(screen, Place))

    # -- the window -------------------------------------------------------------------------------
    def fit_window(self) -> None:
        """Cover everything while the window is too small, uncover it when it is not."""
        if not self.screen_stack:  # the program is ending
            return
        top = self.screen_stack[-1]
        small = too_small(*self.size)
        if small and isinstance(top, Place):
            self.push_screen(TooSmall())
        elif isinstance(top, TooSmall) and not small:
            self.pop_screen()

    # -- menus ------------------------------------------------------------------------------------
    def do_app_go(self, key: str) -> None:
        """The go menu; its next key leads on."""
        status = self.status
        counts: dict[str, tuple[str, str]] = {}
        if status is not None and status.not_issued:
            counts["go.outbox"] = (f"{self.glyphs.not_issued}{status.not_issued}", "warn")
            counts["app.quit"] = (f"{status.not_issued} not issued", "warn")
        if status is not None and status.fetching:
            counts["go.transfers"] = (f"{self.glyphs.fetching}{status.fetching}", "accent")
        if status is not None and status.digest is not None:
            counts["go.sync"] = (f"{len(status.digest.rows)} new", "accent")
        self.place.open_sheet(go_menu(self.keymap, counts), self._chosen)

    def do_app_prefix(self, key: str) -> None:
        """The emacs preset's Ctrl+X in text: the next key is an action's letter."""
        self.place.open_sheet(prefix_menu(self.keymap), self._chosen)

    def do_app_palette(self, key: str) -> None:
        """Every action by name."""
        self.place.open_sheet(Palette(self.place.context), self._chosen)

    def _chosen(self, action_id: str | None) -> None:
        if action_id:
            self.act(action_id)

    def do_help_keys(self, key: str) -> None:
        """The keys that are valid here."""
        self.place.open_sheet(KeySheet(self.place.context))

    def do_app_redraw(self, key: str) -> None:
        """Draw the screen anew."""
        self.screen.refresh(layout=True)

    def do_app_lock(self, key: str) -> None:
        """Lock now: keys forgotten, pictures gone."""
        self.spawn(self._lock(), "lock")

    do_go_lock = do_app_lock

    async def _lock(self) -> None:
        await self.before_lock()
        await self.calls.vault(self.workstation.lock)
        self.do_app_show_lock("")

    async def before_lock(self) -> None:
        """Let every place write what it holds and let go of its pictures."""
        for screen in self.screen_stack:
            if isinstance(screen, Place):
                await screen.before_lock()

    def do_app_show_lock(self, key: str) -> None:
        """Cover everything with the lock screen."""
        from .screens.lock import LockScreen

        if not any(isinstance(screen, LockScreen) for screen in self.screen_stack):
            self.push_screen(LockScreen(), self._unlocked)

    def _unlocked(self, opened: bool | None) -> None:
        self.touched()
        for screen in self.screen_stack:
            if isinstance(screen, Place):
                screen.after_unlock()
        self.fit_window()
        self.wake()

    # -- places -----------------------------------------------------------------------------------
    async def do_app_back(self, key: str) -> None:
        """One level back; the first level stays."""
        if len([screen for screen in self.screen_stack if isinstance(screen, Place)]) > 1:
            await self.place.leave()
            self.pop_screen()
            self.end_hand_off()

    async def do_go_worklist(self, key: str) -> None:
        """Back to the first level."""
        if isinstance(self.screen, TooSmall):  # it comes back by itself where the window is still small
            await self.pop_screen()
        while type(self.place).NAME != "Worklist":
            await self.place.leave()
            await self.pop_screen()
            self.end_hand_off()

    async def _go(self, made: Place) -> None:
        if type(self.place) is type(made):
            return
        await self.do_go_worklist("")
        await self.push_screen(made)

    async def do_go_outbox(self, key: str) -> None:
        """What has to reach a hub."""
        from .screens.outbox import Outbox

        await self._go(Outbox())

    async def do_go_transfers(self, key: str) -> None:
        """What is coming."""
        from .screens.transfers import Transfers

        await self._go(Transfers())

    async def do_go_sync(self, key: str) -> None:
        """Each hub's line, and what an absence brought."""
        from .screens.sync import Sync

        await self._go(Sync())

    async def do_go_reports(self, key: str) -> None:
        """Own signed reports."""
        from .screens.reports import Reports

        await self._go(Reports())

    async def do_go_notices(self, key: str) -> None:
        """Messages of this day."""
        from .screens.notices import Notices

        await self._go(Notices())

    async def do_go_manual(self, key: str) -> None:
        """The manual."""
        from .screens.manual import Manual

        await self._go(Manual())

    async def do_go_settings(self, key: str) -> None:
        """Settings, keys, themes."""
        from .screens.settings import Settings

        await self._go(Settings())

    async def do_go_doctor(self, key: str) -> None:
        """Health of this machine and its hubs."""
        from .screens.health import Doctor

        await self._go(Doctor())

    async def do_go_microphone(self, key: str) -> None:
        """Which microphone, its level, a phrase to try."""
        from .screens.microphone import open_microphone

        await open_microphone(self, self.place)

    async def do_go_audit(self, key: str) -> None:
        """The audit trail."""
        from .screens.health import AuditTrail

        await self._go(AuditTrail())

    def do_go_case(self, key: str) -> None:
        """The open case; from any other place the one that was open last."""
        if self.last_case is None:
            self.tell("No case was opened yet.", "soft")
            return
        item = next((one for one in self.items if one.key == self.last_case), None)
        if item is None:
            self.tell("That case is no longer in the worklist.", "soft")
        elif self.current_item() is None or self.place.NAME != "Reading":
            self.spawn(self.open_case(item), "next")

    # -- cases ------------------------------------------------------------------------------------
    async def open_case(self, item: WorklistItem) -> None:
        """Open a case for reading, instead of the one that is open."""
        from .screens.reading import Reading

        await self.do_go_worklist("")
        self.last_case = item.key
        case = await self.calls.vault(self.workstation.open_case, item.key)
        await self.push_screen(Reading(case))
        if case.item.state in {"requested", "ready"} and not case.item.owner_name and self._claims(item.key):
            self.spawn(self._claim(item), "claim")

    def _claims(self, key: TaskKey) -> bool:
        return any(hub.hub_id == key.hub_id and hub.claim_on_open for hub in self.workstation.hubs())

    def current_item(self) -> WorklistItem | None:
        """The case that actions are about: the open one, or the row in focus."""
        return self.place.item()

    def do_case_claim(self, key: str) -> None:
        """Claim the case."""
        item = self.current_item()
        if item is not None:
            self.tell("Asking for the case.", "soft")
            self.spawn(self._claim(item), "claim")

    async def _claim(self, item: WorklistItem) -> None:
        try:
            now = await self.calls.network(self.workstation.claim, item.key)
        except OfflineError:
            self.tell(
                "The hub can't be asked now. You can read and draft; the claim is asked for later.", "warn"
            )
            return
        local = any(one.hub_id == item.key.hub_id and one.claims_locally for one in self.workstation.hubs())
        here = "Claimed, on this machine alone: the site's list knows no claims."
        mine = here if local else "Claimed: this case is yours."
        self.tell(mine if now.mine else "Noted; the hub has not answered yet.", "good")
        self.wake()

    def do_case_give_back(self, key: str) -> None:
        """Give the case back, with a reason."""
        from .screens.ask import REASONS, GiveBack

        item = self.current_item()
        if item is None or not item.mine:
            self.tell("This case is not yours, so there is nothing to give back.", "soft")
            return

        def done(answer: tuple[str, str] | None) -> None:
            if answer is not None:
                self.spawn(self._give_back(item, *answer), "give-back")

        self.place.open_sheet(GiveBack(REASONS), done)

    async def _give_back(self, item: WorklistItem, code: str, words: str) -> None:
        try:
            await self.calls.network(self.workstation.give_back, item.key, code, words)
        except OfflineError as error:
            self.tell(str(error), "warn")
        else:
            self.tell("Given back with your reason.", "good")
        self.wake()

    def do_images_fetch(self, key: str) -> None:
        """Fetch the study of the case first."""
        item = self.current_item()
        if item is None or not item.study_uid:
            self.tell("No study is known for this case yet.", "warn")
            return
        self.tell("Fetching this study first.", "soft")
        self.fetch_study(item.key.hub_id, item.study_uid)

    def fetch_study(self, hub_id: str, study_uid: str) -> None:
        """Bring a study here, first of all."""
        self.spawn(self.fetch(hub_id, study_uid), "fetch", exclusive=False)

    async def fetch(self, hub_id: str, study_uid: str) -> None:
        """Ask the engine for a study, or fetch it from here when none runs."""
        if self.status is not None and self.status.engine:
            args: dict[str, Any] = {"hub_id": hub_id, "study_uid": study_uid, "priors": 0}
            await self.calls.vault(self.workstation.request, "fetch", args)
            return
        done = await self.calls.network(self.workstation.fetch, hub_id, study_uid)
        whole = bool(done.get("complete"))
        self.tell(
            "The study is here." if whole else "A part of the study is here.", "good" if whole else "warn"
        )
        self.wake()

    def do_case_handoff(self, key: str) -> None:
        """Open the case's study, and its priors that are here, in the diagnostic viewer."""
        item = self.current_item()
        if item is None or not item.study_uid:
            self.tell("No study is known for this case yet.", "warn")
            return
        self.tell("Opening the study in the diagnostic viewer.", "soft")
        self.spawn(self._hand_off(item), "handoff")

    async def _hand_off(self, item: WorklistItem) -> None:
        self.end_hand_off()
        hub_id, study = item.key.hub_id, item.study_uid
        case = getattr(self.place, "case", None)
        priors = [one.study_uid for one in case.priors if one.relevant] if case is not None else []
        await self.calls.network(self.workstation.hand_off, hub_id, study, priors)
        self.handed = (hub_id, study)
        self.tell("The viewer has the study until this case closes.", "good")

    def end_hand_off(self) -> None:
        """Close the gateway of the case that was handed over: with the case, and before the next one."""
        handed, self.handed = self.handed, None
        if handed is not None:
            self.spawn(self.calls.vault(self.workstation.end_hand_off, *handed), "handoff-end")

    def do_hub_again(self, key: str) -> None:
        """Ask the hubs again now."""
        self.tell("Asking the hubs.", "soft")
        self.spawn(self._sync(), "sync")

    async def _sync(self) -> None:
        if self.status is not None and self.status.engine:
            await self.calls.vault(self.workstation.request, "sync", {"pull": True, "push": True})
            return
        try:
            done = await self.calls.network(self.workstation.sync)
        except AttentionError as error:
            self.tell(str(error), "warn")
        else:
            words = f"{done.get('pulled', 0)} cases seen, {done.get('pushed', 0)} reports issued."
            self.tell(words, "good")
        self.wake()

    # -- leaving ----------------------------------------------------------------------------------
    async def do_app_quit(self, key: str) -> None:
        """Leave; says what is not issued."""
        await self.before_lock()
        handed, self.handed = self.handed, None
        if handed is not None:
            await self.calls.vault(self.workstation.end_hand_off, *handed)
        status = await self.calls.vault(self.workstation.status)
        if not status.not_issued:
            self.exit(0)
            return
        from .screens.ask import Leave

        self.place.open_sheet(Leave(status.not_issued, status.engine), self._leave)

    def _leave(self, yes: bool | None) -> None:
        if yes:
            self.exit(0)
