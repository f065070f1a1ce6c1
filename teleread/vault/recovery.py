"""The recovery code: 130 random bits, typed by a person who lost everything else.

Seven groups of four characters in Crockford's base 32 (no I, L, O or U); the last two check the others, so a
slip of the pen is told from a wrong code.
"""

from __future__ import annotations

import hashlib
import os
from typing import Final

from teleread.model.errors import LockedError

__all__ = ["new_code", "read_code"]

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
_SYMBOLS: Final = 26
_GROUP: Final = 4


def new_code() -> str:
    """A fresh code as it is printed."""
    # 32 divides 256: no symbol is likelier than another.
    body = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in os.urandom(_SYMBOLS))
    whole = body + _check(body)
    return "-".join(whole[start : start + _GROUP] for start in range(0, len(whole), _GROUP))


def read_code(typed: str) -> bytes:
    """The key material of a code as typed: case, blanks and dashes don't matter.

    Raises:
        LockedError: It is no recovery code, or mistyped.
    """
    symbols = "".join(typed[:200].upper().split()).replace("-", "").translate(_LOOKALIKES)
    if len(symbols) != _SYMBOLS + 2 or any(one not in _ALPHABET for one in symbols):
        raise LockedError(
            "That is not a recovery code.",
            remedy="It has seven groups of four letters and digits, as `init` printed it.",
            code="recovery-malformed",
        )
    body = symbols[:_SYMBOLS]
    if _check(body) != symbols[_SYMBOLS:]:
        raise LockedError(
            "The recovery code is mistyped.", remedy="Compare it letter by letter.", code="recovery-mistyped"
        )
    return body.encode()


def _check(body: str) -> str:
    digest = hashlib.sha256(b"teleread recovery " + body.encode()).digest()
    number = int.from_bytes(digest[:2], "big") >> 6
    return _ALPHABET[number >> 5] + _ALPHABET[number & 31]
