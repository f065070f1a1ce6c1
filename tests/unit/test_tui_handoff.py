"""The key that opens the diagnostic viewer, and what ends the hand-off."""

from __future__ import annotations

from typing import Any

from tests.unit.test_tui_screens import Driver, walk


def asked(do: Driver) -> list[tuple[str, dict[str, Any]]]:
    """What was asked for about viewers."""
    return [one for one in do.station.requests if one[0].startswith("handoff")]


def test_h_gives_the_open_case_to_the_viewer_and_leaving_the_case_takes_it_back() -> None:
    async def steps(do: Driver) -> None:
        await do.press("enter")
        item, case = do.reading.item(), do.reading.case
        await do.press("h")
        await do.until(lambda: do.app.handed is not None)
        priors = [one.study_uid for one in case.priors if one.relevant]
        study = {"hub_id": item.key.hub_id, "study_uid": item.study_uid}
        assert asked(do) == [("handoff", {**study, "priors": priors})]
        await do.press("q")
        await do.until(lambda: len(asked(do)) == 2)
        assert asked(do)[1] == ("handoff-close", study)
        assert do.app.handed is None

    walk(steps)


def test_the_next_case_takes_the_viewer_from_the_one_before() -> None:
    async def steps(do: Driver) -> None:
        await do.press("enter")
        await do.press("h")
        await do.until(lambda: do.app.handed is not None)
        before = do.app.handed
        await do.press("n")
        await do.until(lambda: len(asked(do)) == 2)
        assert (asked(do)[1][1]["hub_id"], asked(do)[1][1]["study_uid"]) == before

    walk(steps)
