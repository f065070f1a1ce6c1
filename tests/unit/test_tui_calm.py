"""The garbage collector is kept away from the keys, and still frees the screens of cases that were left."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from teleread.host.memory import give_back
from teleread.tui.calm import Calm


class Screen:
    """Holds itself, as screens and their widgets do."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def calm() -> Iterator[Calm]:
    one = Calm()
    one.begin()
    one.settle()
    yield one
    gc.unfreeze()
    gc.enable()


def test_the_screen_of_a_case_that_was_left_is_freed_and_what_was_set_aside_is_not_walked(calm: Calm) -> None:
    aside = gc.get_freeze_count()
    screen = Screen()
    seen = weakref.ref(screen)
    del screen
    assert seen() is not None, "only the collector frees it"
    calm.after_case()
    assert seen() is None
    assert gc.get_freeze_count() == aside


def test_rubbish_is_not_set_aside_with_what_lives(calm: Calm) -> None:
    screen = Screen()
    seen = weakref.ref(screen)
    del screen
    calm.settle()
    assert seen() is None


def test_a_process_that_is_not_ours_to_still_is_left_alone() -> None:
    screen = Screen()
    seen = weakref.ref(screen)
    gc.disable()
    try:
        del screen
        Calm().after_case()
        assert seen() is not None
    finally:
        gc.enable()


def test_giving_memory_back_is_harmless_as_often_as_it_is_asked() -> None:
    assert {give_back(), give_back()} <= {True, False}
