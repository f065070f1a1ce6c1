"""Lanes: several answers at once into a sink that takes one instance at a time, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from teleread.archive.feeds import Feed, Job
from teleread.archive.intake import Intake, refused
from teleread.archive.lanes import HELD, HELD_IN_ALL, UNWANTED, Lanes
from teleread.model.errors import AttentionError, OfflineError, TelereadError

Act = Callable[[Job, Feed], None]
PIECE = bytes(1 << 16)


class Sink:
    """Gathers instances by their first byte's name; an instance must never be interrupted by another."""

    def __init__(self, refuse: str = "") -> None:
        self.whole: dict[str, int] = {}
        self.aborted = 0
        self.dropped = 0
        self._refuse = refuse
        self._open = ""
        self._size = 0

    def begin(self, transfer_syntax: str) -> None:
        assert not self._open, "another instance is still open"
        self._open, self._size = transfer_syntax, 0

    def write(self, chunk: bytes | memoryview) -> None:
        if self._open == self._refuse:
            self._open = ""
            raise refused("It is not wanted.")
        self._size += len(chunk)

    def end(self) -> str:
        name, self._open = self._open, ""
        self.whole[name] = self.whole.get(name, 0) + self._size
        return name

    def abort(self, why: str) -> None:
        self.aborted += 1
        self._open = ""


def sending(size: int, *, feeds: set[Feed] | None = None) -> Act:
    """Each job brings one instance of so many bytes, named after its path."""

    def act(job: Job, feed: Feed) -> None:
        if feeds is not None:
            feeds.add(feed)
        feed.begin(job.path)
        for _ in range(size // len(PIECE)):
            feed.write(PIECE)
        feed.end()

    return act


def lanes_of(
    names: list[str], act: Act, sink: Sink, *, lines: int = 4, open_end: bool = False
) -> tuple[Lanes, Intake]:
    intake = Intake(sink, lambda count, size: None)
    jobs = [Job(name, 1, name) for name in names]
    return Lanes(
        jobs, lambda job, feed, claim: act(job, feed), intake, lines=lines, open_end=open_end
    ), intake


def test_every_instance_arrives_whole_and_none_interrupts_another() -> None:
    names = [f"n{number}" for number in range(40)]
    sink = Sink()
    lanes, intake = lanes_of(names, sending(10 * len(PIECE)), sink)
    lanes.run()
    assert sink.whole == dict.fromkeys(names, 10 * len(PIECE))
    assert intake.arrived == set(names)
    assert lanes.received == 40 * 10 * len(PIECE)


def test_instances_larger_than_what_is_held_go_through_in_bounded_memory() -> None:
    feeds: set[Feed] = set()
    most = [0]
    sink = Sink()
    size = 10 * HELD
    lanes, _ = lanes_of(["a", "b", "c"], sending(size, feeds=feeds), sink, lines=3)

    def look() -> None:
        most[0] = max(most[0], sum(feed.held for feed in feeds))

    lanes.run(look)
    assert sink.whole == dict.fromkeys("abc", size)
    assert most[0] <= HELD_IN_ALL + 3 * (HELD + len(PIECE))


def test_jobs_that_come_later_are_done_and_the_lanes_wait_for_them() -> None:
    sink = Sink()
    lanes, _ = lanes_of(["a"], sending(len(PIECE)), sink, open_end=True)
    threading.Timer(0.2, lambda: lanes.add([Job("b", 1, "b"), Job("c", 1, "c")])).start()
    lanes.run()
    assert set(sink.whole) == set("abc")


def test_an_instance_is_claimed_by_one_job_alone() -> None:
    lanes, _ = lanes_of([], sending(1), Sink())
    one, other = Job("x", 1, "uid"), Job("y", 1, "uid")
    assert lanes.claim(one)
    assert lanes.claim(one)
    assert not lanes.claim(other)


def test_a_line_that_breaks_is_tried_again_and_the_others_go_on() -> None:
    tried: dict[str, int] = {}

    def act(job: Job, feed: Feed) -> None:
        tried[job.path] = tried.get(job.path, 0) + 1
        if job.path == "b" and tried["b"] < 3:
            feed.begin("b")
            feed.write(PIECE)
            feed.cut("The line broke in the middle of it.")
            raise OfflineError("The line broke.", code="cut")
        sending(len(PIECE))(job, feed)

    sink = Sink()
    lanes, intake = lanes_of(list("abcd"), act, sink)
    lanes.run()
    assert set(sink.whole) == set("abcd")
    assert tried["b"] == 3
    assert sink.aborted == 2
    assert len(intake.result().problems) == 1


def test_one_that_never_comes_is_told_when_all_others_have_come() -> None:
    def act(job: Job, feed: Feed) -> None:
        if job.path == "a":
            raise OfflineError("The archive failed.", code="server")
        sending(len(PIECE))(job, feed)

    sink = Sink()
    lanes, _ = lanes_of([*"abcdefgh"], act, sink, lines=2)
    with pytest.raises(OfflineError, match="failed"):
        lanes.run()
    assert set(sink.whole) == set("bcdefgh")


def test_an_archive_that_is_gone_is_not_asked_for_every_instance() -> None:
    asked: list[str] = []

    def act(job: Job, feed: Feed) -> None:
        asked.append(job.path)
        raise OfflineError("The line broke.", code="cut")

    lanes, _ = lanes_of([str(number) for number in range(500)], act, Sink())
    with pytest.raises(OfflineError):
        lanes.run()
    assert len(asked) < 60


def test_a_busy_archive_is_asked_by_fewer_lines() -> None:
    at_once, most_after, busy = [0], [0], [6]
    guard = threading.Lock()

    def act(job: Job, feed: Feed) -> None:
        with guard:
            at_once[0] += 1
            now, refuse = at_once[0], busy[0] > 0 and at_once[0] > 2
            busy[0] -= refuse
            if busy[0] <= 0:
                most_after[0] = max(most_after[0], now)
        try:
            threading.Event().wait(0.01)
            if refuse:
                raise OfflineError("The archive is busy.", code="busy", retry_after=0.1)
            sending(len(PIECE))(job, feed)
        finally:
            with guard:
                at_once[0] -= 1

    names = [str(number) for number in range(60)]
    sink = Sink()
    lanes, _ = lanes_of(names, act, sink, lines=8)
    lanes.run()
    assert set(sink.whole) == set(names)


def test_what_is_gone_is_a_problem_and_what_is_forbidden_ends_it() -> None:
    def act(job: Job, feed: Feed) -> None:
        if job.path == "a":
            raise AttentionError("It is gone.", code="gone")
        if job.path == "d":
            raise AttentionError("It is forbidden.", code="forbidden")
        sending(len(PIECE))(job, feed)

    sink = Sink()
    lanes, intake = lanes_of(list("abcd"), act, sink, lines=1)
    with pytest.raises(AttentionError, match="forbidden"):
        lanes.run()
    assert set(sink.whole) == set("bc")
    assert "not there" in intake.result().problems[0]


def test_a_refused_instance_that_does_not_end_costs_a_bounded_number_of_bytes() -> None:
    sent = [0]

    def act(job: Job, feed: Feed) -> None:
        if job.path != "bad":
            sending(len(PIECE))(job, feed)
            return
        ended = threading.Event()
        feed.attach(ended.set)
        feed.begin("bad")
        while not ended.is_set():
            feed.write(PIECE)
            sent[0] += len(PIECE)
        feed.cut("The line broke in the middle of it.")
        raise OfflineError("The line broke.", code="cut")

    sink = Sink(refuse="bad")
    lanes, intake = lanes_of(["a", "bad", "c"], act, sink)
    lanes.run()
    assert set(sink.whole) == {"a", "c"}
    assert sent[0] <= UNWANTED + 2 * HELD_IN_ALL
    assert "not wanted" in intake.result().problems[0]


def test_a_full_disk_stops_every_lane() -> None:
    class Full(Sink):
        def write(self, chunk: bytes | memoryview) -> None:
            raise TelereadError("The disk is full.", code="disk-full")

    lanes, intake = lanes_of([str(number) for number in range(50)], sending(HELD), Full())
    with pytest.raises(TelereadError, match="full"):
        lanes.run()
    assert intake.fatal is not None
    assert not [one for one in threading.enumerate() if one.name.startswith("teleread-lane")]
