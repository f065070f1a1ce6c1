"""OpenJPEG and the fast RLE decoder as pydicom plugins of our own. Runs in the decode child.

pydicom reaches both only through one more package; calling them ourselves keeps the core smaller.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Final

from pydicom import uid

__all__ = ["DECODER_DEPENDENCIES", "decode_openjpeg", "decode_rle", "is_available", "register"]

_JPEG2000: Final = (
    uid.JPEG2000Lossless,
    uid.JPEG2000,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    uid.HTJ2K,
)

DECODER_DEPENDENCIES: Final = dict.fromkeys(_JPEG2000, ("pylibjpeg-openjpeg>=2.4",)) | {
    uid.RLELossless: ("pylibjpeg-rle>=2",)
}
"""What each transfer syntax needs, as pydicom asks for it."""


def is_available(syntax: str) -> bool:
    """Whether the codec of a transfer syntax is installed."""
    return find_spec("rle" if syntax == uid.RLELossless else "openjpeg") is not None


def decode_openjpeg(src: bytes, runner: Any) -> bytearray:
    """Decode one JPEG 2000 frame; YBR_ICT and YBR_RCT come back as RGB."""
    from openjpeg import decode_pixel_data

    frame: bytearray = decode_pixel_data(src, version=2, **runner.options)
    if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
        runner.set_option("photometric_interpretation", "RGB")
    precision = runner.get_option("j2k_precision", runner.bits_stored)
    runner.set_option("bits_allocated", 8 if precision <= 8 else 16 if precision <= 16 else 32)
    return frame


def decode_rle(src: bytes, runner: Any) -> bytearray:
    """Decode one RLE frame; it comes back plane by plane."""
    from rle import decode_pixel_data

    frame: bytearray = decode_pixel_data(src, version=2, **runner.options)
    runner.set_option("planar_configuration", 1)
    return frame


def register() -> None:
    """Make both known to pydicom; may be called again."""
    from pydicom.pixels import get_decoder

    for syntax in DECODER_DEPENDENCIES:
        name = "rle" if syntax == uid.RLELossless else "openjpeg"
        decoder = get_decoder(syntax)
        if name not in decoder.available_plugins and is_available(syntax):
            decoder.add_plugin(name, (__name__, f"decode_{name}"))
