"""Examinations of the demo: CT, MR and ultrasound."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from teleread.demo.cases.nouns import AX, COR, SAG, Series, Study

__all__ = [
    "chest_ct",
    "head_ct",
    "knee_mr",
    "real_chest_film",
    "real_head_mr",
    "real_liver_ct",
    "trunk_ct",
    "upper_us",
]

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
MR_CLASS = "1.2.840.10008.5.1.4.1.1.4"
US_CLASS = "1.2.840.10008.5.1.4.1.1.6.1"
US_MULTI_CLASS = "1.2.840.10008.5.1.4.1.1.3.1"

LUNG = (-600.0, 1500.0, "LUNG")
MEDIASTINUM = (40.0, 400.0, "MEDIASTINUM")
SOFT = (50.0, 400.0, "ABDOMEN")
BRAIN = (40.0, 80.0, "BRAIN")
BONE = (500.0, 2000.0, "BONE")


def _ct(slug: str, number: int, description: str, painter: str, count: int, **more: Any) -> Series:
    size = more.pop("size", 512)
    spacing = more.pop("spacing", 0.7)
    gap = more.pop("gap", 1.0)
    params = MappingProxyType(more.pop("params", {}))
    half = size * spacing / 2
    return Series(
        slug,
        number,
        description,
        "CT",
        CT_CLASS,
        painter,
        size,
        size,
        count=count,
        spacing=(spacing, spacing),
        intercept=-1024.0,
        orientation=AX,
        origin=(-half, -half, -gap * count / 2),
        step=(0.0, 0.0, gap),
        thickness=gap,
        params=params,
        **more,
    )


def chest_ct(slug: str, *, count: int, gap: float, days_ago: int = 0, growth: float = 1.0) -> Study:
    """A chest CT with two nodules; ``growth`` scales their diameters, everything else stays the same."""
    series = _ct(
        slug,
        2,
        f"Thorax {gap:.0f} mm lung",
        "chest_ct",
        count,
        gap=gap,
        windows=(LUNG, MEDIASTINUM),
        body_part="CHEST",
        params={"growth": growth},
    )
    return Study(slug, "CT Thorax", (series,), days_ago)


def head_ct(slug: str, *, count: int = 32, **params: Any) -> Study:
    """A plain head CT."""
    series = _ct(
        slug,
        2,
        "Head 5 mm",
        "head_ct",
        count,
        gap=5.0,
        spacing=0.45,
        windows=(BRAIN, BONE),
        body_part="HEAD",
        params=params,
    )
    return Study(slug, "CT Head", (series,))


def trunk_ct(slug: str, description: str, *, count: int = 90, days_ago: int = 0, **params: Any) -> Study:
    """Abdomen and pelvis."""
    series = _ct(
        slug,
        2,
        f"{description.removeprefix('CT ')} {450 / count:.0f} mm",
        "trunk_ct",
        count,
        gap=450 / count,
        spacing=0.78,
        windows=(SOFT, LUNG, BONE),
        body_part="ABDOMEN",
        params=params,
    )
    return Study(slug, description, (series,), days_ago)


def knee_mr(slug: str, side: str) -> Study:
    """Five sequences of one knee; one of them is stored RLE compressed."""

    def sequence(number: int, name: str, plane: str, weight: str, **more: Any) -> Series:
        orientation, origin, step = {
            "sag": (SAG, (-46.0, -80.0, 80.0), (4.0, 0.0, 0.0)),
            "cor": (COR, (-80.0, -46.0, 80.0), (0.0, 4.0, 0.0)),
            "ax": (AX, (-80.0, -80.0, -46.0), (0.0, 0.0, 4.0)),
        }[plane]
        return Series(
            f"{slug}-{number}",
            number,
            name,
            "MR",
            MR_CLASS,
            "knee_mr",
            256,
            256,
            count=24,
            spacing=(0.625, 0.625),
            windows=((620.0, 1200.0, ""),),
            body_part="KNEE",
            laterality=side,
            orientation=orientation,
            origin=origin,
            step=step,
            thickness=3.5,
            params=MappingProxyType({"plane": plane, "weight": weight, "side": side}),
            **more,
        )

    return Study(
        slug,
        "MRI Knee Left" if side == "L" else "MRI Knee Right",
        (
            sequence(2, "PD FS SAG", "sag", "pdfs"),
            sequence(3, "T1 SAG", "sag", "t1"),
            sequence(4, "PD FS COR", "cor", "pdfs"),
            sequence(5, "T1 COR", "cor", "t1"),
            sequence(6, "T2 AX", "ax", "t2", compression="rle"),
        ),
    )


def upper_us(slug: str) -> Study:
    """Stills and one colour clip of the upper abdomen."""

    def part(number: int, name: str, *, frames: int = 1, **params: Any) -> Series:
        return Series(
            f"{slug}-{number}",
            number,
            name,
            "US",
            US_MULTI_CLASS if frames > 1 else US_CLASS,
            "upper_us",
            360,
            480,
            frames=frames,
            photometric="RGB",
            bits=8,
            body_part="ABDOMEN",
            params=MappingProxyType(params),
        )

    return Study(
        slug,
        "US Abdomen",
        (
            part(1, "Gallbladder long", organ="gallbladder"),
            part(2, "Right kidney long", organ="kidney"),
            part(3, "Liver, breathing (clip)", frames=24, organ="liver"),
        ),
    )


def real_chest_film(slug: str) -> Study:
    """A real chest film, MONOCHROME1 (see data/NOTICE)."""
    series = Series(
        slug,
        1,
        "Chest PA",
        "CR",
        "1.2.840.10008.5.1.4.1.1.1",
        "real",
        1064,
        1000,
        spacing=(0.32, 0.32),
        photometric="MONOCHROME1",
        windows=((2048.0, 4096.0, "NORMAL"),),
        body_part="CHEST",
        view="PA",
        compression="j2k",
        params=MappingProxyType({"file": "chest"}),
    )
    return Study(slug, "XR Chest", (series,))


def real_liver_ct(slug: str) -> Study:
    """Three real slices through the liver (see data/NOTICE)."""
    series = Series(
        slug,
        2,
        "Liver 1.25 mm",
        "CT",
        CT_CLASS,
        "real",
        512,
        512,
        count=3,
        spacing=(0.810547, 0.810547),
        intercept=-1024.0,
        windows=(SOFT, LUNG),
        body_part="ABDOMEN",
        orientation=AX,
        origin=(-235.2, -226.8, -128.69),
        step=(0.0, 0.0, 1.0),
        thickness=1.25,
        compression="j2k",
        params=MappingProxyType({"file": "liver"}),
    )
    return Study(slug, "CT Liver, limited", (series,))


def real_head_mr(slug: str) -> Study:
    """Real sagittal slices of a volunteer's head (see data/NOTICE)."""
    series = Series(
        slug,
        2,
        "T1 SAG",
        "MR",
        MR_CLASS,
        "real",
        256,
        256,
        count=7,
        spacing=(1.015625, 1.015625),
        windows=((500.0, 1000.0, ""),),
        body_part="HEAD",
        orientation=SAG,
        origin=(-14.4, -130.0, 130.0),
        step=(4.8, 0.0, 0.0),
        thickness=4.0,
        compression="j2k",
        params=MappingProxyType({"file": "head"}),
    )
    return Study(slug, "MRI Head", (series,))
