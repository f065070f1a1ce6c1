"""A picture as a PNG file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from teleread.model.errors import TelereadError

__all__ = ["write_png"]


def write_png(
    picture: NDArray[np.uint8], target: Path | str | IO[bytes], text: Mapping[str, str] | None = None
) -> None:
    """Write a picture; a file is replaced whole or not at all, and only its owner may read it.

    Args:
        picture: Greys, rows x columns, or RGB, rows x columns x 3.
        target: A path, or an open binary file.
        text: Metadata, such as the fidelity label; never anything of a patient.

    Raises:
        TelereadError: The file could not be written.
    """
    if not isinstance(target, str | Path):
        _save(picture, target, text or {})
        return
    path = Path(target)
    try:
        handle, temporary = tempfile.mkstemp(prefix=".teleread-", suffix=".png", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                _save(picture, file, text or {})
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise TelereadError(
            "The picture could not be written.",
            f"{error.strerror or 'The file system refused it'}.",
            "Nothing was changed. Name another place with --png.",
            code="png",
        ) from error


def _save(picture: NDArray[np.uint8], file: IO[bytes], text: Mapping[str, str]) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    information = PngInfo()
    for key, value in text.items():
        information.add_text(key, value)
    Image.fromarray(np.ascontiguousarray(picture)).save(file, "PNG", pnginfo=information)
