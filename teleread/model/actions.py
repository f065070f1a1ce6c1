"""The one table of actions: names, keys, places and words.

Bindings, hints, palette, key sheet, manual and ``teleread keys list`` are all made from it. Contexts:
``L`` lists, ``P`` pictures, ``T`` text, ``S`` sheets; ``t`` means in text, where a letter needs Alt first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .errors import UsageError

__all__ = [
    "ACTIONS",
    "CONTEXTS",
    "NEVER_BOUND",
    "PRESETS",
    "Action",
    "action",
    "chords",
    "keys_for",
    "normal_keys",
    "problems",
    "remapped",
]

PRESETS: Final = ("default", "vim", "emacs")
CONTEXTS: Final = {"L": "lists", "P": "pictures", "T": "text", "S": "sheets"}

NEVER_BOUND: Final = frozenset(
    {
        *(
            "Ctrl+B",
            "Ctrl+A",
            "Ctrl+S",
            "Ctrl+Q",
            "Ctrl+\\",
            "Ctrl+@",
            "Ctrl+H",
            "Ctrl+I",
            "Ctrl+J",
            "Ctrl+M",
        ),
        *("Ctrl+[", "F6", "F7", "F10", "F11", "Ctrl+Enter", "Shift+Enter"),
    }
)
"""Keys that terminals, tmux and screen keep for themselves, or send as another key's bytes."""

DIGITS: Final = tuple("0123456789")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing the reader can do."""

    id: str
    """Stable name, ``noun.verb``; key files and bindings use it."""
    where: str
    """Contexts it is valid in."""
    text: str
    """What it does, as help and palette say it."""
    default: tuple[str, ...]
    """Keys of the default preset."""
    hint: str = ""
    """Word on the last row; empty: never shown there."""
    vim: tuple[str, ...] = ()
    """Keys of the vim preset; empty: as default."""
    emacs: tuple[str, ...] = ()
    """Keys of the emacs preset; empty: as default."""
    group: str = ""
    """Heading in the key sheet."""

    def keys(self, preset: str = "default") -> tuple[str, ...]:
        """Its keys in a preset."""
        if preset == "vim" and self.vim:
            return self.vim
        if preset == "emacs" and self.emacs:
            return self.emacs
        return self.default


def _make(
    group: str,
    id: str,  # noqa: A002 - the table's own word
    where: str,
    default: str,
    text: str,
    hint: str = "",
    *,
    vim: str = "",
    emacs: str = "",
) -> Action:
    return Action(
        id=id,
        where=where,
        text=text,
        default=_split(default),
        hint=hint,
        vim=_split(vim),
        emacs=_split(emacs),
        group=group,
    )


def _split(keys: str) -> tuple[str, ...]:
    """Keys parted by two blanks, so that a chord such as ``g w`` keeps its one."""
    return tuple(key.strip() for key in keys.split("  ") if key.strip())


ACTIONS: Final[tuple[Action, ...]] = (
    _make("Anywhere", "help.keys", "LPTS", "?  F1", "the keys that are valid here", "keys"),
    _make("Anywhere", "app.palette", "LPT", "Ctrl+P  :", "every action by name", emacs="Alt+x  :"),
    _make("Anywhere", "app.go", "LPt", "g", "the go menu", "go…", emacs="g  Ctrl+X"),
    _make("Anywhere", "app.lock", "LPTS", "F12", "lock now and clear the pictures"),
    _make("Anywhere", "app.redraw", "LPTS", "Ctrl+L", "draw the screen anew"),
    _make("Anywhere", "app.back", "LP", "q", "one level back; never quits", emacs="q  Ctrl+G"),
    _make("Anywhere", "pane.next", "LPS", "Tab", "the next pane or control", "report"),
    _make("Anywhere", "pane.previous", "LPTS", "Shift+Tab", "the pane or control before"),
    _make("Anywhere", "undo", "LPt", "u", "undo the last act; on an outbox row take the signature back",
          emacs="u  Ctrl+_"),
    _make("Go", "go.worklist", "LP", "g w", "the worklist"),
    _make("Go", "go.case", "LP", "g c", "the open case"),
    _make("Go", "go.outbox", "LP", "g o", "the outbox"),
    _make("Go", "go.transfers", "LP", "g t", "transfers"),
    _make("Go", "go.sync", "LP", "g y", "each hub's line, what waits for it, what you missed"),
    _make("Go", "go.reports", "LP", "g r", "your signed reports"),
    _make("Go", "go.notices", "LP", "g n", "messages of this day"),
    _make("Go", "go.doctor", "LP", "g d", "health of this machine and its hubs"),
    _make("Go", "go.microphone", "LP", "g v", "the microphone: which one, its level, a phrase to try"),
    _make("Go", "go.settings", "LP", "g s", "settings, keys, themes"),
    _make("Go", "go.audit", "LP", "g a", "the audit trail"),
    _make("Go", "go.manual", "LP", "g h", "the manual"),
    _make("Go", "go.lock", "LP", "g l", "lock"),
    _make("Go", "app.quit", "LP", "g q", "leave; says what is not issued"),
    _make("Go", "go.first", "LP", "g g  Home", "the first row or image", emacs="Home"),
    _make("Go", "go.last", "LP", "G  End", "the last row or image", emacs="End"),
    _make("Move", "move.up", "LPt", "w  Up", "a row or an image up", vim="w  k  Up", emacs="w  Up  Ctrl+P"),
    _make("Move", "move.down", "LPt", "s  Down", "a row or an image down", vim="s  j  Down",
          emacs="s  Down  Ctrl+N"),
    _make("Move", "move.up_ten", "LPt", "W  PgUp", "a page or ten images up"),
    _make("Move", "move.down_ten", "LPt", "S  PgDn", "a page or ten images down"),
    _make("Move", "move.left", "LPt", "a  Left", "the saved filter or series before", vim="a  h  Left"),
    _make("Move", "move.right", "LPt", "d  Right", "the saved filter or series after", vim="d  l  Right"),
    _make("List", "case.open", "L", "Enter", "open; claims it where the hub file says so", "open"),
    _make("List", "list.filter", "LP", "/", "edit the filter; find a series by name", "filter"),
    _make("List", "list.save_filter", "L", "M", "save this filter on a number key"),
    _make("List", "list.sort", "L", ",", "sort by; a menu of columns"),
    _make("List", "outbox.told", "L", "t", "on an outbox row: the site was told by telephone"),
    _make("List", "preset.n", "LP", "  ".join(DIGITS),
          "a saved filter or a window preset; 0 shows all, or as stored", "window"),
    _make("Case", "case.claim", "LP", "+", "claim this case", "claim"),
    _make("Case", "case.give_back", "LP", "-", "give this case back, with a reason", "give back"),
    _make("Case", "case.next", "LPt", "n", "the next case; the draft is kept"),
    _make("Case", "case.previous", "LPt", "N", "the case before; the draft is kept"),
    _make("Case", "case.draft_next", "PT", "F5", "keep the draft and open the next case", "draft+next"),
    _make("Case", "case.sign_next", "PT", "F8", "open the sign sheet, then the next case", "sign+next"),
    _make("Case", "case.sign", "PT", "Shift+F8", "open the sign sheet, then stay"),
    _make("Case", "case.discard", "PT", "Shift+Del", "open the discard sheet"),
    _make("Case", "case.unsigned", "PT", "Shift+F5  F17",
          "open the sheet that sends an unsigned reading, where the site takes them; the draft stays"),
    _make("Case", "case.opinion", "LPt", "O", "a second opinion on this case, a report of its own",
          vim="Alt+2"),
    _make("Case", "case.order", "LPt", "o", "order, question and contacts", "order"),
    _make("Case", "case.priors", "LPt", "p", "priors: why each, fetch, read", "priors"),
    _make("Case", "images.fetch", "LPt", "F", "fetch this study first", "fetch"),
    _make("Case", "case.handoff", "LPt", "h", "open the study in the diagnostic viewer", "viewer", vim="O"),
    _make("Case", "hub.again", "LP", "R", "ask the hubs again now"),
    _make("Case", "transfer.pause", "LP", "P", "pause or go on fetching", "pause"),
    _make("See", "view.layout", "LPt", "v", "the list's detail; panes of pictures: 1, 2, 4, 6", "layout"),
    _make("See", "view.why", "P", "U", "why the pictures hang as they do"),
    _make("See", "case.compare", "Pt", "c", "beside the prior, and back", "compare"),
    _make("See", "view.yoke", "Pt", "y", "tie now and prior by position, untie them", "yoke"),
    _make("See", "view.localiser", "P", "Y", "lines where other panes' planes cross, on or off"),
    _make("See", "view.full", "P", "f", "pictures fill the screen, and back", "full"),
    _make("See", "view.text", "P", "b", "corner text on or off; the preview notice stays"),
    _make("See", "view.reset", "Pt", "r", "window, zoom and place as first shown"),
    _make("See", "zoom.in", "Pt", "z", "zoom in"),
    _make("See", "zoom.out", "Pt", "Z", "zoom out"),
    _make("See", "view.pan", "P", "Ctrl+Up  Ctrl+Down  Ctrl+Left  Ctrl+Right", "move the picture"),
    _make("See", "view.true", "P", "D", "one pixel for one, and all of it again"),
    _make("See", "view.rotate", "P", "B", "a quarter turn clockwise"),
    _make("See", "view.flip", "P", "X", "mirror left to right"),
    _make("See", "view.plane", "P", "C", "cut the series axial, coronal, sagittal, as taken"),
    _make("See", "view.slab", "P", "Q", "thicker cuts: highest, mean or lowest values of some millimetres"),
    _make("See", "view.layer", "P", "V", "what others laid over it: states, outlines; a PDF's pages"),
    _make("See", "view.invert", "Pt", "x", "black to white"),
    _make("See", "view.loop", "Pt", "l", "run the series, and stop", vim="L"),
    _make("Window", "window.width", "P", "[  ]", "narrower window, wider"),
    _make("Window", "window.level", "P", "{  }", "window centre lower, higher"),
    _make("Window", "window.type", "P", "=", "type a window as centre,width"),
    _make("Measure", "measure.length", "Pt", "t", "measure a distance; a second one across it joins it",
          "measure"),
    _make("Measure", "measure.angle", "P", "A", "measure an angle"),
    _make("Measure", "measure.ellipse", "P", "E", "area and values inside an ellipse"),
    _make("Measure", "measure.value", "P", "I", "the value under a cursor"),
    _make("Measure", "measure.list", "Pt", "m", "measurements; Enter puts one into the text", "measures"),
    _make("Measure", "image.key", "Pt", "e", "mark this image as a key image, or take the mark away",
          "key image"),
    _make("Measure", "offer.accept", "P", "Enter", "set a point of what is measured"),
    _make("Measure", "tool.leave", "P", "Esc", "put the measuring tool away"),
    _make("Report", "report.enter", "P", "i", "the cursor into the report", "report"),
    _make("Report", "checks.list", "Pt", "j", "the checks; Enter goes there", "checks", vim="J"),
    _make("Report", "template.pick", "LPT", "T  Ctrl+T", "templates, and why this one; autotexts", emacs="T"),
    _make("Report", "field.next", "PT", "F2  F16", "the next field to fill", "field"),
    _make("Report", "field.previous", "PT", "Shift+F2  F14", "the field before"),
    _make("Report", "text.pictures", "T", "Esc", "hands to the pictures", "pictures",
          vim="Esc Esc", emacs="Esc  Ctrl+G"),
    _make("Report", "text.expand", "T", "Tab",
          "expand .name or show those that begin so, take the choice, next field"),
    _make("Report", "report.form", "PT", "Ctrl+E", "the fields as a form; the same draft", "form",
          emacs="Alt+e"),
    _make("Report", "report.editor", "PT", "Ctrl+U", "the draft in your own editor, if that is switched on",
          emacs="Alt+v"),
    _make("Report", "report.outline", "PT", "Ctrl+G", "outline: sections, words, fields; Enter goes there",
          emacs="Alt+o"),
    _make("Report", "report.compare", "PT", "Ctrl+D",
          "the prior report beside the draft; Enter copies a sentence", emacs="Alt+d"),
    _make("Report", "report.alert", "PT", "Ctrl+K", "critical finding: who was told, when, how",
          emacs="Alt+k"),
    _make("Report", "report.beside", "Pt", "J", "trainee and supervisor: who is named beside you",
          vim="Alt+b"),
    _make("Report", "case.history", "LPt", "H", "signed versions; earlier texts of the draft, to go back to",
          "versions"),
    _make("Report", "text.spell", "T", "Ctrl+N", "the next doubtful word, and what may be meant",
          emacs="Alt+n"),
    _make("Report", "section.next", "T", "Alt+Down", "the next section"),
    _make("Report", "section.previous", "T", "Alt+Up", "the section above"),
    _make("Report", "text.find", "T", "Ctrl+F", "find in the report", vim="/", emacs="Alt+s"),
    _make("Report", "text.undo", "T", "Ctrl+Z", "undo in the text", vim="u", emacs="Ctrl+_"),
    _make("Report", "text.redo", "T", "Ctrl+Y", "redo in the text", vim="U", emacs="Alt+_"),
    _make("Dictation", "dictate", "PT", "F4  Space  F13", "microphone on, off; held: on while it is held",
          "dictate"),
    _make("Dictation", "dictate.play", "Pt", "k", "play the marked word's sound, else the last utterance's",
          vim="K"),
    _make("Dictation", "dictate.scratch", "PT", "Ctrl+R", "take the last utterance back, its sound too"),
    _make("Dictation", "word.other", "PT", "Ctrl+O", "what else was heard at a marked word; digits take it"),
    _make("Dictation", "dictate.say", "Pt", "K", "what can be said", vim="Ctrl+V"),
    _make("Dictation", "word.next", "PT", "F3", "this dictated word or copied passage is read; the next one"),
    _make("Sheet", "sheet.back", "S", "Esc", "close; nothing happens", "back", emacs="Esc  Ctrl+G"),
    _make("Sheet", "sheet.ok", "S", "Enter", "the harmless button; never signs, sends or discards"),
    _make("Sheet", "sheet.act", "S", "Space", "press the button in focus"),
    _make("Sheet", "sheet.code", "S", "  ".join(DIGITS), "day of birth, or the choice"),
)  # fmt: skip
"""Every action this version has. What comes later is absent, not greyed."""

_BY_ID: Final = {one.id: one for one in ACTIONS}


def action(action_id: str) -> Action:
    """The action of that name.

    Raises:
        UsageError: There is none.
    """
    found = _BY_ID.get(action_id)
    if found is None:
        raise UsageError(f"There is no action “{action_id}”.", remedy="teleread keys list shows them all.")
    return found


def keys_for(one: Action, context: str, preset: str = "default") -> tuple[str, ...]:
    """Keys of an action in a context; chords with ``g`` are left to `chords`.

    In text a bare printable key is typed, so where the table says ``t`` letters take Alt before them, or
    Ctrl+X in the emacs preset, where Alt belongs to the editor; all other printable keys fall away.
    """
    keys = [key for key in one.keys(preset) if not key.startswith("g ")]
    if context in one.where:
        return tuple(key for key in keys if context != "T" or not _typed(key))
    if context == "T" and "t" in one.where:
        lead = "Ctrl+X " if preset == "emacs" else "Alt+"
        return tuple(lead + key for key in keys if len(key) == 1 and key.isalpha())
    return ()


def normal_keys(one: Action, preset: str = "default") -> tuple[str, ...]:
    """Printable keys of an action in text: they act in the vim preset's normal mode, nowhere else."""
    if preset != "vim" or "T" not in one.where:
        return ()
    return tuple(key for key in one.keys(preset) if _typed(key))


def chords(preset: str = "default") -> Iterator[tuple[str, Action]]:
    """(second key, action) of every chord that begins with ``g``."""
    for one in ACTIONS:
        for key in one.keys(preset):
            if key.startswith("g "):
                yield key[2:], one


def remapped(preset: str, changes: Mapping[str, object]) -> tuple[Action, ...]:
    """The table with a reader's own keys.

    Args:
        preset: The preset it begins with.
        changes: Action id to a key or a list of keys, as the key file has them.

    Raises:
        UsageError: An unknown action or preset, a key that can't be bound, or one key with two meanings.
    """
    if preset not in PRESETS:
        raise UsageError(f"There is no key preset “{preset}”.", remedy=f"There are {', '.join(PRESETS)}.")
    table = {one.id: _with_keys(one, one.keys(preset)) for one in ACTIONS}
    for action_id, keys in changes.items():
        one = action(action_id)
        table[action_id] = _with_keys(one, _own_keys(action_id, keys))
    made = tuple(table.values())
    found = problems(made, preset)
    if found:
        raise UsageError(f"Keys: {found[0]}", remedy="Give one of the two another key.")
    return made


def _own_keys(action_id: str, keys: object) -> tuple[str, ...]:
    listed = [keys] if isinstance(keys, str) else keys
    if not isinstance(listed, Sequence) or not all(isinstance(key, str) and key for key in listed):
        raise UsageError(f"The keys of “{action_id}” are neither a key nor a list of keys.")
    return tuple(str(key) for key in listed)


def _with_keys(one: Action, keys: tuple[str, ...]) -> Action:
    return Action(one.id, one.where, one.text, keys, one.hint, (), (), one.group)


def _typed(key: str) -> bool:
    return len(key) == 1 or key in {"Space", "Backspace"}


def problems(table: Sequence[Action] = ACTIONS, preset: str = "default") -> list[str]:
    """What is wrong with a table: two actions for one key, keys that can't be bound, words missing."""
    found: list[str] = []
    for context in CONTEXTS:
        seen: dict[str, str] = {}
        for one in table:
            for key in keys_for(one, context, preset):
                if not NEVER_BOUND.isdisjoint(key.split(" ")):
                    found.append(f"{key} cannot be bound ({one.id}).")
                if seen.setdefault(key, one.id) != one.id:
                    found.append(f"{key} has two meanings in {CONTEXTS[context]}: {seen[key]}, {one.id}.")
    found += [f"{one.id} has no words." for one in table if not one.text]
    found += [f"{one.id} is valid nowhere." for one in table if not one.where]
    return found
