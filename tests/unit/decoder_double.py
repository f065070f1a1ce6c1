"""What a double of a decoder says of objects that are no pictures, where its test shows pictures alone."""

from __future__ import annotations

from teleread.imaging.frames import CannotShow, Frame
from teleread.imaging.objects import ReadObject
from teleread.model.text import clean

__all__ = ["PicturesAlone"]


class PicturesAlone:
    """No documents, no pages; a subclass decodes."""

    def read(
        self, data: bytes | memoryview, *, timeout: float = 10.0, key: str = ""
    ) -> ReadObject | CannotShow:
        return CannotShow(clean("It is none."), "damaged")

    def page(
        self, data: bytes | memoryview, number: int = 1, *, timeout: float = 10.0, key: str = ""
    ) -> Frame | CannotShow:
        return CannotShow(clean("It has no pages."), "not-image")

    def close(self) -> None:
        """Nothing is held."""
