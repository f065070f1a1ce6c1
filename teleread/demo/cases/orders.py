"""Examinations of the demo: plain films. Sizes are small so that they travel fast."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from teleread.demo.cases.nouns import Order, Series, Study

__all__ = ["CR_CLASS", "DX_CLASS", "chest_film", "film", "film_series", "tiny_film"]

CR_CLASS = "1.2.840.10008.5.1.4.1.1.1"
DX_CLASS = "1.2.840.10008.5.1.4.1.1.1.1"


def film_series(
    slug: str, number: int, description: str, painter: str, size: tuple[int, int], **more: Any
) -> Series:
    """One film."""
    params = MappingProxyType(more.pop("params", {}))
    given: dict[str, Any] = {
        "modality": "CR",
        "sop_class": CR_CLASS,
        "spacing": (0.2, 0.2),
        "windows": ((2048.0, 3200.0, "NORMAL"),),
        **more,
    }
    return Series(
        slug, number, description, painter=painter, rows=size[0], columns=size[1], params=params, **given
    )


def film(
    slug: str,
    description: str,
    painter: str,
    body_part: str,
    views: tuple[str, ...],
    *,
    side: str = "",
    days_ago: int = 0,
    **params: Any,
) -> Study:
    """A limb in its usual views, one series a view."""
    series = tuple(
        film_series(
            f"{slug}-{view.lower()}",
            number,
            f"{description} {view}",
            painter,
            (640, 512),
            body_part=body_part,
            laterality=side,
            view=view if view in {"AP", "PA", "LL", "RL"} else "",
            params={"view": view, "side": side, **params},
        )
        for number, view in enumerate(views, 1)
    )
    return Study(slug, description, series, days_ago)


def chest_film(slug: str, *, days_ago: int = 0, **params: Any) -> Study:
    """A chest PA."""
    series = film_series(
        f"{slug}-pa",
        1,
        "Chest PA",
        "chest_film",
        (900, 800),
        spacing=(0.42, 0.42),
        body_part="CHEST",
        view="PA",
        params=params,
    )
    return Study(slug, "XR Chest", (series,), days_ago)


_TINY = (
    ("XR Hand Right", "XHANR", "Right hand", "78791008", "HAND", "R", "Caught in a door. Fracture?"),
    ("XR Knee Left", "XKNEL", "Left knee", "82169009", "KNEE", "L", "Pain on stairs. Osteoarthritis?"),
    ("XR Chest", "XCHES", "Chest", "51185008", "CHEST", "", "Cough for three weeks. Infection?"),
    ("XR Ankle Right", "XANKR", "Right ankle", "6685009", "ANKLE", "R", "Inversion injury. Fracture?"),
    (
        "XR Wrist Left",
        "XWRIL",
        "Left wrist",
        "5951000",
        "WRIST",
        "L",
        "Fell on the outstretched hand. Fracture?",
    ),
)


def tiny_film(number: int) -> tuple[Order, Study]:
    """An order and a very small study, for long worklists."""
    procedure, code, site, site_code, part, side, question = _TINY[number % len(_TINY)]
    painter = "chest_film" if part == "CHEST" else "limb_film"
    params = {"view": "AP", "side": side, "limb": part.lower()} if side else {}
    series = film_series(
        "tiny",
        1,
        procedure,
        painter,
        (80, 64),
        body_part=part,
        laterality=side,
        spacing=(2.0, 2.0),
        params=params,
    )
    return Order(procedure, code, site, site_code, question), Study("tiny", procedure, (series,))
