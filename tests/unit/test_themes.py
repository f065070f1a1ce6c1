"""The themes: contrast, colour vision, sixteen colours, and theme files of the reader's own."""

from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path

import pytest

from teleread.model.errors import UsageError
from teleread.tui.themes import FALLBACK, ROLES, Look, load_themes, parse_theme

NAMES = {"reading-room", "daylight", "high-contrast", "colour-safe", "mono-16"}
HEX = sorted(NAMES - {"mono-16"})
WORDS = ("strong", "text", "soft", "accent", "good", "warn", "danger", "voice", "side")
GROUNDS = ("room", "panel", "raised", "select")
DISTANCE = {"reading-room": 23, "daylight": 20, "colour-safe": 25, "high-contrast": 17}

# All for linear light. Red-green: Viénot, Brettel and Mollon 1999, which is made for people who lack a cone;
# blue-yellow, which that paper leaves out: Machado, Oliveira and Fernandes 2009, severity 1.0.
SIMULATED = {
    "deuteranopia": (
        (0.29275, 0.70725, 0.0),
        (0.29275, 0.70725, 0.0),
        (-0.02234, 0.02234, 1.0),
    ),
    "protanopia": (
        (0.11238, 0.88762, 0.0),
        (0.11238, 0.88762, 0.0),
        (0.00401, -0.00401, 1.0),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
# The other model in use for red-green, Machado at severity 1.0: most bars hold by it too.
OTHER_MODEL = {
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
}
SHORT_BY_IT = {("colour-safe", "deuteranopia"): 24.6}
"""Yellow and vermilion of colour-safe, seen by the other model: below the bar of 25 by 0.4."""
TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
WHITE = (0.95047, 1.0, 1.08883)
LINEAR = tuple[float, ...]
MATRIX = tuple[tuple[float, ...], ...]


def linear(colour: str) -> LINEAR:
    """Linear light of ``#rrggbb``."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return tuple(one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)


def contrast(front: str, ground: str) -> float:
    """The WCAG ratio."""
    first, second = (
        0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] for light in (linear(front), linear(ground))
    )
    return float(max(first, second) + 0.05) / (min(first, second) + 0.05)


def times(matrix: MATRIX, vector: LINEAR) -> LINEAR:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def lab(light: LINEAR) -> LINEAR:
    """CIELAB of linear light, D65."""
    bent = [
        ratio ** (1 / 3) if ratio > 216 / 24389 else (24389 / 27 * ratio + 16) / 116
        for ratio in (one / white for one, white in zip(times(TO_XYZ, light), WHITE, strict=True))
    ]
    return 116 * bent[1] - 16, 500 * (bent[0] - bent[1]), 200 * (bent[1] - bent[2])


def distance(first: str, second: str, matrix: MATRIX) -> float:
    """CIE76 between two colours as someone with that colour vision sees them."""
    seen = [lab(tuple(min(1.0, max(0.0, one)) for one in times(matrix, linear(c)))) for c in (first, second)]
    return math.dist(seen[0], seen[1])


@pytest.fixture(scope="module")
def looks() -> dict[str, Look]:
    loaded, failed = load_themes()
    assert failed == {}
    return loaded


def colour(look: Look, role: str) -> str:
    return look.roles[role].colour


def test_the_five_themes_load_with_every_role(looks: dict[str, Look]) -> None:
    assert set(looks) == NAMES
    for look in looks.values():
        assert set(look.roles) == set(ROLES)
        assert look.label
        assert look.text


def test_only_daylight_is_light_and_only_mono_16_uses_the_terminals_colours(looks: dict[str, Look]) -> None:
    assert {name for name, look in looks.items() if not look.dark} == {"daylight"}
    assert {name for name, look in looks.items() if look.ansi} == {"mono-16"}


@pytest.mark.parametrize("name", HEX)
def test_every_word_can_be_read_on_every_ground(looks: dict[str, Look], name: str) -> None:
    bar = 7.0 if name == "high-contrast" else 4.5
    low = {
        (role, ground): ratio
        for role in WORDS
        for ground in GROUNDS
        if (ratio := contrast(colour(looks[name], role), colour(looks[name], ground))) < bar
    }
    assert low == {}


@pytest.mark.parametrize("name", HEX)
def test_a_warning_can_be_read_on_a_marked_word(looks: dict[str, Look], name: str) -> None:
    assert contrast(colour(looks[name], "warn"), colour(looks[name], "mark")) >= 5.0


def nearest(look: Look, matrix: MATRIX) -> float:
    """The shortest distance among good, warn and danger."""
    return min(
        distance(colour(look, first), colour(look, second), matrix)
        for first, second in combinations(("good", "warn", "danger"), 2)
    )


@pytest.mark.parametrize("vision", SIMULATED)
@pytest.mark.parametrize("name", HEX)
def test_good_warn_and_danger_stay_apart_whatever_colours_the_reader_sees(
    looks: dict[str, Look], name: str, vision: str
) -> None:
    assert nearest(looks[name], SIMULATED[vision]) >= DISTANCE[name]


@pytest.mark.parametrize("vision", OTHER_MODEL)
@pytest.mark.parametrize("name", HEX)
def test_by_the_other_model_they_stay_apart_too_but_for_one_pair_that_is_named(
    looks: dict[str, Look], name: str, vision: str
) -> None:
    found = nearest(looks[name], OTHER_MODEL[vision])
    short = SHORT_BY_IT.get((name, vision))
    if short is None:
        assert found >= DISTANCE[name]
    else:
        assert found == pytest.approx(short, abs=0.05)


def test_the_panes_of_a_theme_differ_from_the_row_in_focus(looks: dict[str, Look]) -> None:
    for name in HEX:
        assert colour(looks[name], "select") not in {colour(looks[name], one) for one in GROUNDS[:3]}


def test_mono_16_uses_black_white_and_two_greys_and_tells_states_apart(
    looks: dict[str, Look],
) -> None:
    roles = looks["mono-16"].roles
    assert {one.colour for one in roles.values()} <= {"", "0", "7", "8", "15"}
    assert roles["select"].attributes == roles["mark"].attributes == {"reverse"}
    drawn = [(one.colour, one.attributes) for one in (roles["good"], roles["warn"], roles["danger"])]
    assert len(set(drawn)) == 3


def test_mono_16_becomes_styles_without_a_colour_of_its_own(looks: dict[str, Look]) -> None:
    style = looks["mono-16"].style("danger", on="select")
    assert style.bold
    assert style.reverse
    assert style.color is not None
    assert style.color.number == 15


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_role_is_a_variable_of_the_stylesheet(looks: dict[str, Look], name: str) -> None:
    assert {f"tr-{role}" for role in ROLES} <= set(looks[name].textual().variables)


# -- theme files of the reader's own ------------------------------------------------------------------


def theme_text(name: str = "mine", drop: str = "", **changes: str) -> str:
    roles = dict.fromkeys(ROLES, "#202020") | changes
    lines = [f'{role} = "{value}"' for role, value in roles.items() if role != drop]
    return "\n".join([f'[theme]\nname = "{name}"', "[roles]", *lines])


def test_a_readers_own_theme_stands_beside_ours(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(theme_text(strong="#ffffff bold"))
    loaded, failed = load_themes(tmp_path)
    assert failed == {}
    assert set(loaded) == NAMES | {"mine"}
    assert loaded["mine"].style("strong").bold


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[theme", "It can't be read (TOMLDecodeError)."),
        (b"\xff\xfe", "It can't be read (UnicodeDecodeError)."),
        (b"x = 1", "A theme file has a [theme] and a [roles] table."),
        (theme_text(drop="warn").encode(), "lacks warn"),
        (theme_text(strong="crimson").encode(), "has a colour that is none"),
        (theme_text(strong="16").encode(), "has a colour that is none"),
        (theme_text(glow="#ffffff").encode(), "has a role that is none"),
        (theme_text(name="../evil").encode(), "small letters, digits and hyphens"),
        (b"#" * 70_000, "too large"),
    ],
)
def test_a_broken_theme_of_the_reader_is_reported_and_ours_still_load(
    tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "broken.toml").write_bytes(content)
    loaded, failed = load_themes(tmp_path)
    assert set(loaded) == NAMES
    assert list(failed) == ["broken.toml"]
    assert words in failed["broken.toml"]


def test_a_theme_without_a_colour_is_refused_by_the_name_of_its_role() -> None:
    with pytest.raises(UsageError) as refused:
        parse_theme({"theme": {"name": "mine"}, "roles": dict.fromkeys(ROLES, " ")})
    assert "“strong” has no colour" in str(refused.value)


def test_there_is_a_look_even_where_every_theme_file_is_gone() -> None:
    look = FALLBACK()
    assert set(look.roles) == set(ROLES)
    assert look.style("danger", on="select").reverse
    assert look.textual().variables["tr-room"] == "ansi_black"
