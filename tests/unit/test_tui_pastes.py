"""What is pasted is text: no control character of it ever becomes a key."""

from __future__ import annotations

import pytest

from teleread.tui.inputs import Pastes

EVIL = "a\x07\x1b]52;c;x\x9b2J\x00\tb\nc\r\x1b[19~d"
PASTE = f"s\x1b[200~{EVIL}\x1b[201~\x07w"
CLEAN = "s\x1b[200~a]52;c;x2J\tb\nc\r[19~d\x1b[201~\x07w"


def test_control_characters_go_out_of_a_paste_and_stay_around_it() -> None:
    assert Pastes().clean(PASTE) == CLEAN


@pytest.mark.parametrize("cut", range(len("s\x1b[200~"), len(PASTE)))
def test_a_paste_that_comes_in_two_pieces_is_the_same_paste(cut: int) -> None:
    pastes = Pastes()
    assert pastes.clean(PASTE[:cut]) + pastes.clean(PASTE[cut:]) == CLEAN


def test_keys_pass_as_they_are() -> None:
    keys = "\x1b[19~\x1b\x07q\x1b[A"
    assert Pastes().clean(keys) == keys
