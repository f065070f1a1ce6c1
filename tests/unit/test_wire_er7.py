"""HL7 v2 in ER7: escapes go both ways, foreign separators are honoured, nonsense is refused in words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleread.model.errors import IntegrityError, UsageError
from teleread.wire import er7
from teleread.wire.er7 import Segment, decode, encode, field, wrapped

HEAD = Segment(
    "MSH", (field("T"), *[field("")] * 5, field("ORU", "R01"), *[field("")] * 8, field("UNICODE UTF-8"))
)


def sent(*fields: str) -> Segment:
    (_, back) = decode(encode([HEAD, Segment("OBX", tuple(field(one) for one in fields))]))
    return back


@pytest.mark.parametrize(
    "text", ["a|b", "a^b", "a~b", "a&b", "a\\b", "\\F\\", "\\.br\\", "a\nb", "\\X0D\\", "ä", "\x01"]
)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert sent(text, "end").get(1) == text


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=30), min_size=1, max_size=6
    )
)
def test_any_text_comes_back_as_it_was(texts: list[str]) -> None:
    back = sent(*texts, "end")
    assert [back.get(index) for index in range(1, len(texts) + 1)] == texts


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=300), st.integers(20, 60))
def test_a_wrapped_line_is_whole_when_it_is_put_together(line: str, width: int) -> None:
    pieces = wrapped(line, width)
    assert "".join(pieces) == line
    assert all(len(er7._escape(one)) <= width for one in pieces)


def test_repetitions_components_and_subcomponents_are_counted_from_one() -> None:
    message = decode(b"MSH|^~\\&|A\rPID|1||1^^^NHS&x&URI^NH~2||O^N\r")
    pid = message[1]
    assert [one[0][0] for one in pid.repetitions(3)] == ["1", "2"]
    assert pid.get(3, 4, 1, 2) == "x"
    assert pid.get(3, 9) == pid.get(40) == ""
    assert pid.repetitions(2) == ()


def test_other_separators_and_line_ends_are_read() -> None:
    message = decode(b"MSH#*+!%#A\r\nOBX#1#TX#a*b##x!F!y!T!z\n")
    assert message[1].get(3, 2) == "b"
    assert message[1].get(5) == "x|y&z"


def test_bytes_that_are_not_utf_8_are_read_as_latin_1_where_no_set_is_named() -> None:
    assert decode(b"MSH|^~\\&|A\rPID|1||||M\xfcller\r")[1].get(5) == "Müller"
    assert decode("MSH|^~\\&|A\rPID|1||||Müller\r".encode())[1].get(5) == "Müller"


@pytest.mark.parametrize(
    "data", [b"", b"MSH", b"PID|1", b"MSH|||||", b"MSHABCDEFG", b"MSH\r\r\r\r\r\r\r\r", b"\x00" * 40]
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="no HL7"):
        decode(data)


def test_caps_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(er7, "MAX_SEGMENTS", 3)
    with pytest.raises(IntegrityError):
        decode(b"MSH|^~\\&|A\r" + b"OBX|1\r" * 3)
    monkeypatch.setattr(er7, "MAX_BYTES", 10)
    with pytest.raises(IntegrityError):
        decode(b"MSH|^~\\&|AAAAAAAAA\r")


def test_letters_a_character_set_lacks_are_refused() -> None:
    with pytest.raises(UsageError, match="letters"):
        encode([HEAD, Segment("OBX", (field("肝"),))], "8859/1")
    with pytest.raises(UsageError, match="written in"):
        encode([HEAD], "KLINGON")
