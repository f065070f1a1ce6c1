"""The cases of the demo, in the order a short demo takes them."""

from __future__ import annotations

from collections.abc import Iterator

from teleread.demo.cases import prose
from teleread.demo.cases.nouns import Case, Order
from teleread.demo.cases.orders import chest_film, film, tiny_film
from teleread.demo.cases.people import NORTHGATE, OTHER_READER, PEOPLE, SITES, ST_BRIDE, VALE, passer_by
from teleread.demo.cases.stories import STORIES
from teleread.demo.cases.volumes import (
    head_ct,
    real_head_mr,
    real_liver_ct,
)

__all__ = ["BUILT_IN", "cases"]


def _others() -> tuple[Case, ...]:
    people = PEOPLE
    return (
        Case(
            13,
            VALE,
            people["gill"],
            Order(
                "MRI Head",
                "MSKUH",
                "Head",
                "69536005",
                "New headaches with visual aura. Space-occupying lesion?",
                referrer="Neurology",
            ),
            real_head_mr("head-mr"),
            "asap",
            asked=600,
            due=480,
        ),
        Case(
            14,
            NORTHGATE,
            people["renard"],
            Order(
                "XR Shoulder Left",
                "XSHOL",
                "Left shoulder",
                "91775009",
                "Seizure, arm held in rotation. Dislocation?",
            ),
            film("shoulder", "XR Shoulder Left", "limb_film", "SHOULDER", ("AP",), side="L", limb="shoulder"),
            "urgent",
            asked=40,
            due=110,
        ),
        Case(
            15,
            NORTHGATE,
            people["boateng"],
            Order(
                "CT Liver, limited",
                "CLIVE",
                "Liver",
                "10200004",
                "Hyperechoic focus on ultrasound. Haemangioma?",
                "Limited slices only, as agreed.",
                "Hepatology",
            ),
            real_liver_ct("liver"),
            "routine",
            asked=1400,
            due=2900,
        ),
        Case(
            16,
            ST_BRIDE,
            people["whitlock"],
            Order(
                "XR Chest", "XCHES", "Chest", "51185008", "Pre-operative assessment.", referrer="Anaesthetics"
            ),
            chest_film("chest-done"),
            "routine",
            asked=2200,
            due=-300,
            state="completed",
            owner=OTHER_READER,
            report=prose.CHEST_DONE,
            conclusion="No active chest disease.",
        ),
        Case(
            17,
            NORTHGATE,
            people["sandhu"],
            Order("CT Head", "CSKUH", "Head", "69536005", "Sudden left weakness 2 h ago. Infarct, bleed?"),
            head_ct("head-other"),
            "stat",
            asked=15,
            due=35,
            state="in-progress",
            owner=OTHER_READER,
        ),
        Case(
            18,
            VALE,
            people["iveson"],
            Order(
                "XR Wrist Left", "XWRIL", "Left wrist", "5951000", "Requested twice; see the other request."
            ),
            film("wrist-cancelled", "XR Wrist Left", "limb_film", "WRIST", ("PA",), side="L", limb="wrist"),
            "routine",
            asked=300,
            due=1100,
            state="cancelled",
        ),
    )


BUILT_IN: tuple[Case, ...] = STORIES + _others()
"""Every case with a story. Numbers are part of ids: never renumber."""


def cases(count: int | None, seed: int) -> Iterator[Case]:
    """The demo's cases.

    Args:
        count: How many; None is all with a story. More than those adds plain films of passers-by.
        seed: Chooses the passers-by.
    """
    yield from BUILT_IN[:count]
    for number in range(len(BUILT_IN) + 1, (count or 0) + 1):
        order, study = tiny_film(number)
        site = SITES[number % len(SITES)]
        person = passer_by(number, seed)
        priority = ("routine", "routine", "urgent", "routine", "asap", "routine", "routine", "stat")[
            number % 8
        ]
        span = {"stat": 60, "urgent": 240, "asap": 480, "routine": 2880}[priority]
        yield Case(
            number,
            site,
            person,
            order,
            study,
            priority,  # type: ignore[arg-type]
            asked=10 + number * 7 % 240,
            due=span + number * 11 % span,
        )
