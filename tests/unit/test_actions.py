"""The table of actions: one meaning a key, words for everything, own keys refused in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from teleread.model.actions import (
    ACTIONS,
    CONTEXTS,
    NEVER_BOUND,
    PRESETS,
    action,
    chords,
    keys_for,
    normal_keys,
    problems,
    remapped,
)
from teleread.model.errors import UsageError
from teleread.tui.keys import Keymap, textual_key


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("context", CONTEXTS)
def test_no_key_has_two_meanings_in_one_context(context: str, preset: str) -> None:
    counted = Counter(key for one in ACTIONS for key in set(keys_for(one, context, preset)))
    assert [key for key, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("context", CONTEXTS)
def test_no_two_keys_of_a_context_become_the_same_key_of_the_terminal(context: str, preset: str) -> None:
    keymap = Keymap(remapped(preset, {}), preset)
    bound = keymap.bindings(context).key_to_bindings
    assert {key: [one.id for one in found] for key, found in bound.items() if len(found) > 1} == {}
    named = [textual_key(key) for key, _ in keymap.prefixed()] if context == "T" else []
    assert len(named) == len(set(named))


@pytest.mark.parametrize("preset", PRESETS)
def test_no_key_of_the_vim_presets_normal_mode_has_two_meanings(preset: str) -> None:
    counted = Counter(key for one in ACTIONS for key in normal_keys(one, preset))
    assert [key for key, count in counted.items() if count > 1] == []
    assert bool(counted) is (preset == "vim")


@pytest.mark.parametrize("preset", PRESETS)
def test_no_chord_has_two_meanings(preset: str) -> None:
    counted = Counter(second for second, _ in chords(preset))
    assert [key for key, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("preset", PRESETS)
def test_no_key_is_bound_that_a_terminal_keeps_for_itself(preset: str) -> None:
    bound = {key for one in ACTIONS for key in one.keys(preset)}
    assert bound & NEVER_BOUND == set()


def test_every_action_has_a_name_of_noun_and_verb_words_and_a_heading() -> None:
    ids = [one.id for one in ACTIONS]
    assert len(ids) == len(set(ids))
    for one in ACTIONS:
        assert one.id.replace(".", "").replace("_", "").isalpha()
        assert one.id == one.id.lower()
        assert one.text.strip() == one.text != ""
        assert one.group
        assert one.where
        assert set(one.where) <= set("LPTSt"), one.id


@pytest.mark.parametrize("preset", PRESETS)
def test_every_action_can_be_reached_by_a_key_in_every_preset(preset: str) -> None:
    chorded = {one.id for _, one in chords(preset)}
    for one in ACTIONS:
        direct = [key for context in CONTEXTS for key in keys_for(one, context, preset)]
        direct += normal_keys(one, preset)
        assert direct or one.id in chorded, one.id


@pytest.mark.parametrize("preset", PRESETS)
def test_no_letter_or_digit_is_an_action_while_text_is_typed(preset: str) -> None:
    for one in ACTIONS:
        assert [key for key in keys_for(one, "T", preset) if len(key) == 1 or key == "Space"] == []


def test_the_shipped_table_has_no_problem() -> None:
    for preset in PRESETS:
        assert problems(preset=preset) == []


def test_signing_has_no_key_of_its_own_and_enter_on_a_sheet_is_the_harmless_button() -> None:
    assert keys_for(action("sheet.ok"), "S") == ("Enter",)
    assert "harmless" in action("sheet.ok").text
    for name in ("case.sign", "case.sign_next", "case.discard"):
        assert "open" in action(name).text
        assert all(len(key) > 1 for key in action(name).default)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"case.fly": "x"}, "There is no action “case.fly”."),
        ({"case.claim": 7}, "The keys of “case.claim” are neither a key nor a list of keys."),
        ({"case.claim": ["ok", ""]}, "neither a key nor a list of keys"),
        ({"case.claim": "p"}, "p has two meanings in lists"),
        ({"case.claim": "F11"}, "F11 cannot be bound (case.claim)."),
    ],
)
def test_own_keys_that_make_no_sense_are_refused_in_words(changes: Mapping[str, object], words: str) -> None:
    with pytest.raises(UsageError) as refused:
        remapped("default", changes)
    assert words in str(refused.value)


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError) as refused:
        remapped("wordstar", {})
    assert "wordstar" in str(refused.value)
    assert all(preset in str(refused.value) for preset in PRESETS)


def test_own_keys_replace_the_shipped_ones_and_leave_the_others() -> None:
    keymap = Keymap.load("vim", {"case.claim": ["F9", "%"]})
    assert keymap.keys("case.claim", "L") == ("F9", "%")
    assert keymap.first_key("case.claim", "P") == "F9"
    assert keymap.keys("move.down", "P") == ("s", "j", "Down")
    assert keymap.keys("case.claim", "T") == ()


def test_a_key_of_the_table_is_named_as_the_terminal_library_names_it() -> None:
    assert textual_key("Ctrl+P") == "ctrl+p"
    assert textual_key("+") == "plus"
    assert textual_key("Shift+F8") == "shift+f8"
    assert textual_key("Alt+N") == "alt+shift+n"
    assert textual_key("N") == "N"
    assert textual_key("?") == "question_mark"
