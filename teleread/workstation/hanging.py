"""What opens where when a case is opened: the reader's hanging rules on the series that are held."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from teleread.imaging.sop_classes import MASKS
from teleread.model.errors import UsageError
from teleread.model.hanging import Hanging, HangingRule, SeriesFacts, choose_hanging, read_hanging_rules
from teleread.model.task import TaskKey
from teleread.model.text import EMPTY, SafeText, clean

from .api import PriorView, SeriesView
from .core import Core
from .picture_api import Hung

__all__ = ["FILE", "facts_of", "hang", "hung", "load_rules"]

FILE: Final = "hanging.toml"
"""Name of the reader's rules, beside the settings."""
MAX_FILE: Final = 256 * 1024

_PLANES: Final = {"Ax": "axial", "Cor": "coronal", "Sag": "sagittal"}
_VIEW: Final = re.compile(r"\b([RL])[ ._-]*(CC|MLO|ML|LM|XCCL)\b")


def load_rules(folder: Path) -> tuple[tuple[HangingRule, ...], SafeText]:
    """The reader's own rules, and words where they can't be read; none and no words where there is no file.

    Args:
        folder: Where the settings lie.
    """
    path = folder / FILE
    try:
        if path.stat().st_size > MAX_FILE:
            return (), clean(f"{FILE} is longer than any rules are; the usual ones are used.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return (), EMPTY
    except (OSError, UnicodeDecodeError):
        return (), clean(f"{FILE} can't be read; the usual rules are used.")
    try:
        return read_hanging_rules(text), EMPTY
    except UsageError as error:
        return (), clean(f"{FILE}: {error.detail} The usual rules are used.", limit=300)


def facts_of(series: SeriesView) -> SeriesFacts:
    """What rules look at in a held series.

    Args:
        series: Its instances, sorted as they are scrolled.
    """
    from teleread.imaging.stack import plane

    drawn = [one for one in series.instances if one.frames and one.rows]
    first = drawn[0] if drawn else None
    said = str(series.description).upper()
    view = _VIEW.search(said) or _VIEW.search(f"{first.laterality if first else ''} {said}".upper())
    return SeriesFacts(
        series.series_uid,
        str(series.modality),
        str(series.description),
        _PLANES.get(plane(first.orientation), "") if first is not None else "",
        "".join(view.groups()) if view else "",
        str(first.body_part) if first is not None else "",
        series.number,
        sum(one.frames for one in drawn),
        _thickness(series),
    )


def _thickness(series: SeriesView) -> float | None:
    """Millimetres between neighbours, the middle of all: what scrolling steps by."""
    from teleread.imaging.stack import normal

    placed = [one for one in series.instances if one.position is not None and one.orientation is not None]
    if len(placed) < 2 or placed[0].orientation is None:
        return None
    away = normal(placed[0].orientation)
    heights = [sum(a * b for a, b in zip(one.position or (), away, strict=True)) for one in placed]
    steps = sorted(abs(b - a) for a, b in itertools.pairwise(heights) if abs(b - a) > 1e-3)
    return round(steps[len(steps) // 2], 3) if steps else None


def hang(
    current: Iterable[SeriesView],
    prior: Iterable[SeriesView] = (),
    rules: Iterable[HangingRule] = (),
    *,
    body_part: str = "",
) -> Hanging:
    """What opens where, and why.

    Args:
        current: Series of the study to read.
        prior: Series of its most relevant prior that is held.
        rules: The reader's own, from `load_rules`.
        body_part: Words of the order.
    """
    pictures = [
        [facts for facts in map(facts_of, _drawn(found)) if facts.images] for found in (current, prior)
    ]
    return choose_hanging(pictures[0], pictures[1], rules, body_part=body_part)


def _drawn(series: Iterable[SeriesView]) -> list[SeriesView]:
    """Without segmentations, which lie over pictures; with them where there is nothing else."""
    found = list(series)
    plain = [one for one in found if not all(each.sop_class in MASKS for each in one.instances)]
    return plain if any(facts_of(one).images for one in plain) else found


def hung(core: Core, key: TaskKey, prior_uid: str = "") -> Hung:
    """What opens where in a case, by the reader's rules.

    Args:
        core: The open profile.
        key: The case.
        prior_uid: The prior to compare with; empty takes the most relevant one of which images are here.
    """
    from .cases import context_of, priors_of, study_series

    context = context_of(core, key)
    uid = context.study.study_uid if context.study else ""
    priors = [one for one in priors_of(core, context) if one.cached != "none"]
    prior = _compared(priors, prior_uid)
    rules, note = load_rules(core.paths.config)
    current = study_series(core, key.hub_id, uid) if uid else ()
    earlier = study_series(core, key.hub_id, prior.study_uid) if prior is not None else ()
    words = f"{context.order.procedure} {context.order.body_part}"
    like = earlier if prior is not None and (prior.relevant or prior_uid) else ()
    return Hung(hang(current, like, rules, body_part=words), prior, earlier, note)


def _compared(priors: list[PriorView], wanted: str) -> PriorView | None:
    """The prior that was asked for, else the first of those listed, which are sorted by relevance."""
    if wanted:
        return next((one for one in priors if one.study_uid == wanted), None)
    return next((one for one in priors if one.relevant), next(iter(priors), None))
