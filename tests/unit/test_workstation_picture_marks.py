"""Marks on pictures: kept in the vault, matched with the prior, and frozen where the text speaks of them."""

from __future__ import annotations

from dataclasses import replace

from teleread.model.picture_marks import KEY_IMAGE, PictureMark, candidates, sentence
from teleread.model.report import Section
from teleread.model.study import InstanceInfo, StudyKey
from teleread.model.text import clean
from teleread.vault.picture_marks import PictureMarks
from teleread.vault.vault import Vault
from teleread.workstation.picture_evidence import key_images, measurements

STUDY, PRIOR = StudyKey("hub", "1.2.3"), StudyKey("hub", "1.2.2")
HELD = (InstanceInfo("1.2.3.1.7", "1.2.840.10008.5.1.4.1.1.2", "1.2.3.1", "1.2.840.10008.1.2.1", 100),)
MARK = PictureMark(
    "a",
    STUDY,
    "1.2.3.1",
    "1.2.3.1.7",
    "1.2.840.10008.5.1.4.1.1.2",
    1,
    "length",
    ((1.0, 2.0), (13.0, 2.0), (7.0, -2.5), (7.0, 6.5)),
    clean("12 x 9 mm"),
    clean("12 x 9 mm (series 2, image 143)"),
    clean("Pixel Spacing"),
    (10.0, 20.0, 30.0),
    (12.04, 9.0),
    "mm",
)
KEY = replace(MARK, id="k", kind=KEY_IMAGE, points=(), values=(), unit="", words=clean("series 2, image 143"))


def text(words: str) -> tuple[Section, ...]:
    """A report of one section."""
    return (Section("findings", clean("Findings"), "59776-5", clean(words)),)


def test_marks_come_back_from_the_vault_as_they_were_and_go_with_their_hub(vault: Vault) -> None:
    marks: PictureMarks = vault.picture_marks
    for one in (MARK, KEY, replace(MARK, id="p", study=PRIOR)):
        marks.put(one)
    marks.put(replace(MARK, figure=clean("13 x 9 mm")))
    assert marks.list(STUDY) == (replace(MARK, figure=clean("13 x 9 mm")), KEY)
    assert marks.drop("k")
    assert not marks.drop("k")
    assert [one.id for one in marks.list(PRIOR)] == ["p"]


def test_the_earlier_value_is_of_the_nearest_measurement_of_that_kind() -> None:
    far = replace(MARK, id="far", study=PRIOR, place=(90.0, 20.0, 30.0), figure=clean("30 x 20 mm"))
    near = replace(MARK, id="near", study=PRIOR, place=(12.0, 22.0, 31.0), figure=clean("8 x 6 mm"))
    angle = replace(MARK, id="angle", study=PRIOR, kind="angle", unit="°")
    later = replace(far, id="later", place=None)
    found = candidates(MARK, (far, near, angle, later))
    assert [one.id for one in found] == ["near", "later", "far"]
    assert sentence(MARK, found[0]) == "12 x 9 mm (series 2, image 143), previously 8 x 6 mm"
    assert sentence(MARK) == "12 x 9 mm (series 2, image 143)"


def test_a_signature_covers_key_images_and_the_measurements_the_text_speaks_of() -> None:
    (image,) = key_images((MARK, KEY), HELD)
    assert (image.image.sop_uid, image.image.frame, image.note) == ("1.2.3.1.7", 0, "series 2, image 143")
    spoken = text("Nodule of 12 x 9 mm (series 2, image 143), previously 8 x 6 mm.")
    long, short = measurements((MARK, KEY), HELD, spoken)
    assert (long.value, long.unit, long.label) == ("12.0", "mm", "long axis, series 2, image 143")
    assert (short.value, short.label) == ("9.0", "short axis, series 2, image 143")
    assert long.group == short.group
    assert measurements((MARK,), HELD, text("A nodule of 12 mm.")) == ()
    assert measurements((replace(MARK, unit="px"),), HELD, spoken) == ()


def test_a_mark_on_an_image_that_is_not_here_is_not_signed() -> None:
    gone = tuple(replace(one, sop_uid="9.9") for one in (MARK, KEY))
    assert key_images(gone, HELD) == ()
    assert measurements(gone, HELD, text(str(MARK.words))) == ()
