"""The stories of the first twelve cases."""

from __future__ import annotations

from teleread.demo.cases import prose
from teleread.demo.cases.nouns import Case, Order, Prior
from teleread.demo.cases.orders import chest_film, film
from teleread.demo.cases.people import NORTHGATE, PEOPLE, ST_BRIDE, VALE
from teleread.demo.cases.volumes import (
    chest_ct,
    head_ct,
    knee_mr,
    real_chest_film,
    trunk_ct,
    upper_us,
)

__all__ = ["STORIES"]

_CHEST_FILM = Order("XR Chest", "XCHES", "Chest", "51185008", "Fever and cough for 4 days. Consolidation?")
_CHEST_CT = Order(
    "CT Thorax",
    "CTHOR",
    "Chest",
    "51185008",
    "Follow-up of two pulmonary nodules. Growth?",
    "Ex-smoker. Previous CT at this hospital.",
    "Respiratory Medicine",
)
_KNEE_FILM = Order(
    "XR Knee Left", "XKNEL", "Left knee", "82169009", "Progressive pain. Osteoarthritis?", referrer="GP"
)
_KUB = Order("CT Urinary tract", "CKUB", "Abdomen and pelvis", "818981001", "Left loin pain. Ureteric stone?")


def _northgate() -> tuple[Case, ...]:
    people = PEOPLE
    chest = chest_film("chest", consolidation=True)
    earlier_film = chest_film("chest-before", days_ago=430)
    return (
        Case(
            1,
            NORTHGATE,
            people["ashworth"],
            _CHEST_FILM,
            chest,
            "urgent",
            asked=35,
            due=85,
            priors=(Prior(earlier_film, _CHEST_FILM, prose.CHEST_FILM, "No acute abnormality."),),
        ),
        Case(
            2,
            NORTHGATE,
            people["okafor"],
            _CHEST_CT,
            chest_ct("chest-ct", count=300, gap=1.0, growth=1.6),
            "urgent",
            asked=190,
            due=240,
            priors=(
                Prior(
                    chest_ct("chest-ct-before", count=150, gap=2.0, days_ago=96),
                    _CHEST_CT,
                    prose.CHEST_NODULES,
                    "Two solid pulmonary nodules, 6 mm right upper lobe and 4 mm left lower lobe.",
                ),
            ),
        ),
        Case(
            3,
            ST_BRIDE,
            people["pritchard"],
            Order(
                "XR Hand Right",
                "XHANR",
                "Right hand",
                "78791008",
                "Punched a wall. Fracture of the 5th metacarpal?",
            ),
            film(
                "hand",
                "XR Hand Right",
                "limb_film",
                "HAND",
                ("PA", "OBL"),
                side="R",
                limb="hand",
                broken=True,
            ),
            "routine",
            asked=120,
            due=1320,
        ),
        Case(
            4,
            NORTHGATE,
            people["hollis"],
            Order(
                "CT Head",
                "CSKUH",
                "Head",
                "69536005",
                "Fall from standing, on apixaban, GCS 14. Bleed?",
                "Waiting in resus.",
            ),
            head_ct("head", subdural="L"),
            "stat",
            asked=12,
            due=40,
        ),
        Case(
            5,
            ST_BRIDE,
            people["begum"],
            _KUB,
            trunk_ct("kub", "CT Urinary tract", count=45, stone="L"),
            "urgent",
            asked=50,
            due=130,
            images_of=people["stranger"],
        ),
        Case(
            6,
            VALE,
            people["macrae"],
            Order(
                "MRI Knee Left",
                "MKNEL",
                "Left knee",
                "82169009",
                "Twisting injury, locking. Meniscal tear?",
                referrer="Orthopaedics",
            ),
            knee_mr("knee-mr", "L"),
            "routine",
            asked=1500,
            due=2600,
        ),
    )


def _vale() -> tuple[Case, ...]:
    people = PEOPLE
    return (
        Case(
            7,
            VALE,
            people["fairweather"],
            _KNEE_FILM,
            film(
                "knee", "XR Knee Left", "limb_film", "KNEE", ("AP", "LAT"), side="L", limb="knee", worn=True
            ),
            "routine",
            asked=900,
            due=1900,
            priors=(
                Prior(
                    film(
                        "knee-before",
                        "XR Knee Left",
                        "limb_film",
                        "KNEE",
                        ("AP",),
                        side="L",
                        limb="knee",
                        days_ago=1090,
                    ),
                    _KNEE_FILM,
                    prose.KNEE_FILM,
                    "Early osteoarthritis of the left knee.",
                ),
            ),
        ),
        Case(
            8,
            NORTHGATE,
            people["lindqvist"],
            Order(
                "US Abdomen",
                "UABDO",
                "Abdomen",
                "818981001",
                "Right upper quadrant pain after meals. Gallstones?",
                referrer="Surgical Assessment Unit",
            ),
            upper_us("us"),
            "asap",
            asked=70,
            due=200,
        ),
        Case(
            9,
            NORTHGATE,
            people["tanner"],
            Order(
                "XR Wrist Left", "XWRIL", "Left wrist", "5951000", "Fell off a scooter, swollen. Fracture?"
            ),
            film(
                "wrist",
                "XR Wrist Left",
                "limb_film",
                "WRIST",
                ("PA", "LAT"),
                side="L",
                limb="wrist",
                broken=True,
            ),
            "asap",
            asked=25,
            due=150,
        ),
        Case(
            10,
            ST_BRIDE,
            people["kowalczyk"],
            Order(
                "CT Abdomen and pelvis",
                "CABPE",
                "Abdomen and pelvis",
                "818981001",
                "Peritonism, lactate 4.1. Perforation?",
                "Theatre is waiting for the report.",
                "General Surgery",
            ),
            trunk_ct("trunk", "CT Abdomen and pelvis", free_gas=True),
            "stat",
            asked=20,
            due=55,
            priors=(
                Prior(
                    trunk_ct("trunk-before", "CT Urinary tract", count=45, days_ago=700, stone="R"),
                    _KUB,
                    prose.TRUNK_STONE,
                    "Non-obstructing 4 mm right renal calculus.",
                ),
            ),
        ),
        Case(
            11,
            NORTHGATE,
            people["dacosta"],
            Order(
                "XR Chest",
                "XCHES",
                "Chest",
                "51185008",
                "Weight loss, night sweats, cough for months. Tuberculosis?",
            ),
            real_chest_film("chest-real"),
            "urgent",
            asked=95,
            due=170,
        ),
        Case(
            12,
            ST_BRIDE,
            people["yamada"],
            Order(
                "XR Ankle Right",
                "XANKR",
                "Right ankle",
                "6685009",
                "Inversion injury, cannot bear weight. Fracture?",
            ),
            film("ankle", "XR Ankle Right", "limb_film", "ANKLE", ("AP", "LAT"), side="R", limb="ankle"),
            "routine",
            asked=200,
            due=1200,
        ),
    )


STORIES: tuple[Case, ...] = _northgate() + _vale()
"""Numbers 1 to 12."""
