"""The number of lines and packing: chosen by what a simulated line brings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from teleread.archive.link import AGAIN, PACKING_PAYS_BELOW, START, Governor, LinkEstimate

RTT = 0.04
Rate = Callable[[int, bool], float]
"""Payload in bytes a second, by lines and packing."""


def driven(
    governor: Governor, rate: Rate, seconds: float, *, packable: bool = False
) -> list[tuple[int, bool]]:
    """Instances arrive ten times a second; the choices made, each once."""
    chosen: list[tuple[int, bool]] = []
    payload = 0.0
    for step in range(int(seconds * 10)):
        payload += rate(governor.lines, governor.packed) / 10
        governor.saw(100 + step / 10, int(payload), packable=packable)
        if not chosen or chosen[-1] != (governor.lines, governor.packed):
            chosen.append((governor.lines, governor.packed))
    return chosen


def test_a_line_where_each_stream_is_held_back_is_read_by_as_many_as_are_allowed() -> None:
    governor = Governor(RTT, 32)
    driven(governor, lambda lines, packed: 800_000.0 * lines, 15)
    assert governor.lines == 32


def test_more_lines_that_bring_nothing_are_given_up_again() -> None:
    governor = Governor(RTT, 32)
    chosen = driven(governor, lambda lines, packed: 12e6, 15)
    assert governor.lines == START
    assert (2 * START, False) in chosen


def test_half_the_lines_are_tried_after_a_while_and_kept_where_nothing_is_lost() -> None:
    governor = Governor(RTT, START)
    driven(governor, lambda lines, packed: 12e6, 8 * AGAIN)
    assert governor.lines == START // 2


def test_half_the_lines_are_given_up_where_they_bring_less() -> None:
    governor = Governor(RTT, START)
    chosen = driven(governor, lambda lines, packed: 1e6 * lines, 2 * AGAIN)
    assert (START // 2, False) in chosen
    assert chosen[-1][0] in {START, START // 2}
    driven(governor, lambda lines, packed: 1e6 * lines, 5)
    assert governor.rate > 0


@pytest.mark.parametrize(("gain", "kept"), [(1.9, True), (1.02, False), (0.5, False)])
def test_packing_on_a_slow_line_is_kept_where_it_pays(gain: float, kept: bool) -> None:
    governor = Governor(RTT, START)
    driven(governor, lambda lines, packed: 2.4e6 * (gain if packed else 1), 15, packable=True)
    assert governor.packed is kept


def test_packing_is_not_tried_on_a_fast_line_or_for_what_is_compressed() -> None:
    fast, packed_already = Governor(RTT, START), Governor(RTT, START)
    chosen = driven(fast, lambda lines, packed: 2 * PACKING_PAYS_BELOW, 10, packable=True)
    chosen += driven(packed_already, lambda lines, packed: 1e6, 10, packable=False)
    assert not any(packed for _, packed in chosen)


def test_an_archive_that_does_not_pack_is_not_asked_again() -> None:
    governor = Governor(RTT, START)
    driven(governor, lambda lines, packed: 1e6, 2.5, packable=True)
    governor.unpacked()
    chosen = driven(governor, lambda lines, packed: 1e6, 20, packable=True)
    assert not any(packed for _, packed in chosen)


def test_what_was_learned_is_where_the_next_study_begins() -> None:
    known = LinkEstimate(RTT, 2e6, 4, packed=True)
    governor = Governor(RTT, 8, known)
    assert (governor.lines, governor.packed) == (4, True)
    assert Governor(RTT, 2, known).lines == 2
    assert not known.near
    assert LinkEstimate(0.0005, 0, 1).near
