from __future__ import annotations

import sys
import textwrap
import threading
import zlib
from collections.abc import Iterator

import numpy as np
import pytest

from teleread.imaging.decode import DecodePool
from teleread.imaging.frames import CannotShow, Frame
from tests.unit.imaging_files import (
    CT,
    DEFLATED,
    IMPLICIT_LE,
    JPEG_LOSSLESS,
    described,
    element,
    encapsulated,
    fragments,
    item,
    part10,
    picture,
    us,
)
from tests.unit.imaging_jpeg import encode

RAMP = np.arange(24, dtype=np.uint16).reshape(4, 6) * 100


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    with DecodePool() as pool:
        yield pool


def shown(pool: DecodePool, data: bytes, frame: int = 1) -> Frame:
    found = pool.decode(data, frame)
    assert isinstance(found, Frame), found
    return found


def refused(pool: DecodePool, data: bytes, frame: int = 1) -> CannotShow:
    found = pool.decode(data, frame)
    assert isinstance(found, CannotShow)
    assert str(found.reason).endswith(".")
    return found


def test_grey_values_arrive_as_stored(pool: DecodePool) -> None:
    frame = shown(pool, picture(RAMP))
    assert np.array_equal(frame.pixels, RAMP)
    assert (frame.rows, frame.columns, frame.frames, frame.decoder) == (4, 6, 1, "native")
    assert frame.instance_number == 7


def test_signed_values_keep_their_sign(pool: DecodePool) -> None:
    values = np.array([[-1024, 0], [3071, -1]], np.int16)
    frame = shown(pool, picture(values))
    assert frame.signed
    assert np.array_equal(frame.pixels, values)


def test_garbage_above_bits_stored_is_dropped_and_the_sign_extended(pool: DecodePool) -> None:
    values = np.array([[0x8FFF, 0x0800], [0xF7FF, 0x0001]], np.uint16)  # 12 bits used
    changes = {0x00280101: ("US", us(12)), 0x00280102: ("US", us(11)), 0x00280103: ("US", us(1))}
    assert shown(pool, picture(values, changes)).pixels.tolist() == [[-1, -2048], [2047, 1]]


def test_implicit_vr_and_a_missing_preamble_are_read(pool: DecodePool) -> None:
    data = picture(RAMP, syntax=IMPLICIT_LE)
    assert np.array_equal(shown(pool, data).pixels, RAMP)
    assert np.array_equal(shown(pool, data[132:]).pixels, RAMP)


def test_a_deflated_object_is_read(pool: DecodePool) -> None:
    plain = picture(RAMP, syntax=DEFLATED)
    at = plain.index(element(0x00080016, "UI", CT.encode()))
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = plain[:at] + engine.compress(plain[at:]) + engine.flush()
    assert np.array_equal(shown(pool, data).pixels, RAMP)


@pytest.mark.parametrize("planar", [0, 1])
def test_rgb_comes_back_by_pixel_whichever_way_it_is_stored(pool: DecodePool, planar: int) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    changes = {0x00280006: ("US", us(planar))}
    if planar:
        changes[0x7FE00010] = ("OW", np.ascontiguousarray(rgb.transpose(2, 0, 1)).tobytes())
    frame = shown(pool, picture(rgb, changes))
    assert frame.is_colour
    assert np.array_equal(frame.pixels, rgb)


def test_ybr_is_turned_into_rgb_once(pool: DecodePool) -> None:
    ybr = np.full((2, 2, 3), (76, 85, 255), np.uint8)  # pure red
    frame = shown(pool, picture(ybr, {0x00280004: ("CS", b"YBR_FULL")}))
    assert frame.photometric == "YBR_FULL"
    assert np.abs(frame.pixels.astype(int) - (254, 0, 0)).max() <= 2


def test_a_palette_is_applied(pool: DecodePool) -> None:
    index = np.array([[0, 1], [2, 9]], np.uint8)
    changes: dict[int, tuple[str, bytes]] = {0x00280004: ("CS", b"PALETTE COLOR")}
    for channel in range(3):
        changes[0x00281101 + channel] = ("US", us(3, 0, 16))
        changes[0x00281201 + channel] = ("OW", us(*[(10 * (entry + 1) + channel) << 8 for entry in range(3)]))
    frame = shown(pool, picture(index, changes))
    assert frame.pixels.tolist() == [[[10, 11, 12], [20, 21, 22]], [[30, 31, 32], [30, 31, 32]]]


def test_each_frame_of_a_multi_frame_object_is_its_own(pool: DecodePool) -> None:
    clip = np.arange(60, dtype=np.int16).reshape(5, 3, 4)
    data = picture(clip)
    for number in (5, 1, 3):
        frame = shown(pool, data, number)
        assert np.array_equal(frame.pixels, clip[number - 1])
        assert (frame.frames, frame.number) == (5, number)


def test_a_frame_that_does_not_exist_is_told(pool: DecodePool) -> None:
    assert refused(pool, picture(RAMP), 2).code == "no-frame"
    assert refused(pool, picture(RAMP), 0).reason == "Frame 0 does not exist: the object has one frame."


def test_an_object_with_a_key_is_sent_once_and_forgotten_when_another_comes(pool: DecodePool) -> None:
    clip = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    data, other = picture(clip), picture(clip[::-1])
    assert np.array_equal(_keyed(pool, data, 1, "a"), clip[0])
    assert pool._idle[0].held == "a"
    assert np.array_equal(_keyed(pool, data, 2, "a"), clip[1])
    assert np.array_equal(_keyed(pool, other, 1, "b"), clip[1])
    assert np.array_equal(_keyed(pool, data, 1, "a"), clip[0])


def _keyed(
    pool: DecodePool, data: bytes, frame: int, key: str
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    found = pool.decode(data, frame, key=key)
    assert isinstance(found, Frame), found
    return found.pixels


def test_functional_groups_give_each_frame_its_place_window_and_rescale(pool: DecodePool) -> None:
    clip = np.zeros((2, 2, 2), np.uint16)
    groups = b"".join(
        item(
            _sequence(0x00209113, item(element(0x00200032, "DS", f"0\\0\\{z}".encode()))),
            _sequence(
                0x00289132,
                item(element(0x00281050, "DS", f"{z}".encode()), element(0x00281051, "DS", b"80")),
            ),
        )
        for z in (10, 20)
    )
    shared = item(
        _sequence(0x00289145, item(element(0x00281052, "DS", b"-1024"), element(0x00281053, "DS", b"2"))),
        _sequence(0x00209116, item(element(0x00200037, "DS", b"1\\0\\0\\0\\1\\0"))),
    )
    data = picture(clip, {0x52009229: ("SQ", shared), 0x52009230: ("SQ", groups)})
    frame = shown(pool, data, 2)
    assert frame.position == (0.0, 0.0, 20.0)
    assert frame.orientation == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert (frame.slope, frame.intercept) == (2.0, -1024.0)
    assert (frame.windows[0].centre, frame.windows[0].width) == (20.0, 80.0)


def _sequence(tag: int, value: bytes) -> bytes:
    return element(tag, "SQ", value)


def test_overlays_are_placed_by_their_origin(pool: DecodePool) -> None:
    bits = np.packbits(np.ones(4, np.uint8), bitorder="little").tobytes()
    changes = {
        0x60000010: ("US", us(2)),
        0x60000011: ("US", us(2)),
        0x60000050: ("SS", us(2, 3)),
        0x60003000: ("OW", bits),
    }
    frame = shown(pool, picture(RAMP, changes))
    assert frame.overlays is not None
    expected = np.zeros((4, 6), bool)
    expected[1:3, 2:4] = True
    assert np.array_equal(frame.overlays, expected)


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("restart", [0, 2])
def test_jpeg_lossless_is_exact_for_every_predictor(pool: DecodePool, predictor: int, restart: int) -> None:
    values = np.random.default_rng(predictor).integers(0, 65536, (7, 9)).astype(np.uint16)
    stream = encode([values.tolist()], 16, predictor, restart)
    frame = shown(pool, encapsulated(values, stream, JPEG_LOSSLESS))
    assert np.array_equal(frame.pixels, values)


def test_jpeg_lossless_colour_is_exact(pool: DecodePool) -> None:
    rgb = np.random.default_rng(3).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    stream = encode([rgb[..., channel].tolist() for channel in range(3)], 8, 1)
    assert np.array_equal(shown(pool, encapsulated(rgb, stream, JPEG_LOSSLESS)).pixels, rgb)


def test_half_a_jpeg_lossless_stream_is_not_drawn(pool: DecodePool) -> None:
    values = np.random.default_rng(4).integers(0, 4096, (16, 16)).astype(np.uint16)
    stream = encode([values.tolist()], 16, 1)
    found = refused(pool, encapsulated(values, stream[: len(stream) // 2], JPEG_LOSSLESS))
    assert found.code == "truncated"


def test_a_fragment_cut_by_the_end_of_the_file_says_how_much_there_is(pool: DecodePool) -> None:
    values = np.random.default_rng(5).integers(0, 4096, (32, 32)).astype(np.uint16)
    data = encapsulated(values, encode([values.tolist()], 16, 1), JPEG_LOSSLESS)
    found = refused(pool, data[: len(data) * 2 // 3])
    assert found.code == "truncated"
    assert "%" in found.reason


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({0x00280010: ("US", us(60000)), 0x00280011: ("US", us(60000))}, "limit"),
        ({0x00280010: ("US", us(5000))}, "truncated"),
        ({0x00280008: ("IS", b"2147483647")}, "limit"),
        ({0x00280008: ("IS", b"40")}, "truncated"),
        ({0x00280010: ("US", us(0))}, "damaged"),
        ({0x00280100: ("US", us(12))}, "damaged"),
        ({0x00280101: ("US", us(17))}, "damaged"),
        ({0x00280002: ("US", us(3))}, "damaged"),
        ({0x00280004: ("CS", b"CIELAB")}, "damaged"),
    ],
)
def test_a_header_that_lies_gets_words(
    pool: DecodePool, changes: dict[int, tuple[str, bytes]], code: str
) -> None:
    assert refused(pool, picture(RAMP, changes)).code == code


def test_a_stream_that_claims_more_than_its_header_is_not_given_to_a_codec(pool: DecodePool) -> None:
    values = np.zeros((4, 4), np.uint16)
    stream = bytearray(encode([values.tolist()], 16, 1))
    at = stream.index(b"\xff\xc3") + 5
    stream[at : at + 4] = b"\xea\x60\xea\x60"
    found = refused(pool, encapsulated(values, bytes(stream), JPEG_LOSSLESS))
    assert found.reason == "The JPEG picture is 60000 x 60000, the header says 4 x 4."


@pytest.mark.parametrize("depth", [33, 300, 20_000])
def test_deep_nesting_gets_words(pool: DecodePool, depth: int) -> None:
    opened = element(0x00081140, "SQ", b"", length=0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    found = refused(pool, part10({0x00080016: ("UI", CT.encode())}, tail=opened * depth))
    assert found.code == "limit"


def test_nesting_as_deep_as_real_objects_go_is_read(pool: DecodePool) -> None:
    value = b""
    for _ in range(12):
        value = item(element(0x00081140, "SQ", value))
    frame = shown(pool, picture(RAMP, {0x00081140: ("SQ", value)}))
    assert np.array_equal(frame.pixels, RAMP)


def test_a_deflate_bomb_costs_one_picture_and_no_memory_here(pool: DecodePool) -> None:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = engine.compress(bytes(1 << 20)) + engine.flush(zlib.Z_FULL_FLUSH)
    bomb = block * 1024  # a block after a full flush stands alone, so it can be repeated
    data = part10({}, syntax=DEFLATED, tail=bomb)
    before = _resident()
    found = refused(pool, data)
    assert found.code == "limit"
    assert _resident() - before < 64 * 1024 * 1024
    assert np.array_equal(shown(pool, picture(RAMP)).pixels, RAMP)


def _resident() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("cut", [0, 3, 131, 133, 150, 200, 300, -1, -7])
def test_a_cut_file_gets_words(pool: DecodePool, cut: int) -> None:
    assert refused(pool, picture(RAMP)[:cut]).code in ("not-dicom", "truncated", "not-image", "damaged")


def test_bytes_that_are_no_dicom_get_words(pool: DecodePool) -> None:
    assert refused(pool, b"%PDF-1.7 " * 100).reason == "This is not a DICOM file."


def test_a_uid_with_a_path_in_it_is_only_text(pool: DecodePool) -> None:
    frame = shown(pool, picture(RAMP, {0x00080018: ("UI", b"../../evil\x1b]0;x\x07")}))
    assert frame.sop_uid == "../../evil]0;x"


@pytest.mark.parametrize(
    ("sop_class", "words"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.11", "structured report"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "PDF"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "key object"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "segmentation"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "presentation state"),
    ],
)
def test_objects_that_are_no_pictures_are_named(pool: DecodePool, sop_class: str, words: str) -> None:
    found = refused(pool, part10({0x00080016: ("UI", sop_class.encode())}))
    assert words in found.reason
    assert found.whole


def test_a_compression_without_decoder_is_a_placeholder_not_damage(pool: DecodePool) -> None:
    found = refused(pool, encapsulated(RAMP, b"\0" * 32, "1.2.840.113619.5.2.99"))
    assert found.code == "no-codec"
    assert found.whole
    assert (found.rows, found.columns) == (4, 6)


def test_random_damage_never_gets_more_than_words(pool: DecodePool, full: bool) -> None:
    rng = np.random.default_rng(20261124)
    values = rng.integers(0, 4096, (12, 12)).astype(np.uint16)
    whole = (picture(values), encapsulated(values, encode([values.tolist()], 16, 1), JPEG_LOSSLESS))
    for round_ in range(4000 if full else 300):
        data = bytearray(whole[round_ % 2])
        for place in rng.integers(132, len(data), int(rng.integers(1, 6))):
            data[place] = rng.integers(0, 256)
        found = pool.decode(bytes(data))
        assert isinstance(found, Frame) or found.code not in ("stopped", "timeout"), bytes(data).hex()


def test_the_pool_goes_on_when_its_child_is_killed_while_idle(pool: DecodePool) -> None:
    shown(pool, picture(RAMP))
    for child in pool._idle:
        child.process.kill()
        child.process.wait()
    assert np.array_equal(shown(pool, picture(RAMP)).pixels, RAMP)


def _stand_in(tmp_path_factory: pytest.TempPathFactory, body: str) -> list[str]:
    """A child that greets, reads one question, and then does ``body``."""
    script = tmp_path_factory.mktemp("child") / "child.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, sys, time
            from teleread.imaging import framewire
            framewire.write_message(sys.stdout.buffer, {"kind": "hello"})
            framewire.read_message(sys.stdin.buffer, framewire.MAX_REQUEST)
            """
        )
        + body
    )
    return [sys.executable, str(script)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("time.sleep(60)", "timeout"),
        ("while True: pass", "timeout"),
        ("os.kill(os.getpid(), 9)", "stopped"),
        ("sys.stdout.buffer.write(b'x' * 4096); sys.stdout.flush(); time.sleep(60)", "stopped"),
        ("framewire.write_message(sys.stdout.buffer, {'kind': 'frame'}); time.sleep(60)", "stopped"),
        (
            "framewire.write_message(sys.stdout.buffer, {'kind': 'words', 'reason': 7}); time.sleep(60)",
            "stopped",
        ),
        ("os.write(1, framewire._HEAD.pack(b'tlr1', 2, 1 << 60) + b'{}'); time.sleep(60)", "stopped"),
    ],
)
def test_a_child_that_hangs_dies_or_lies_costs_one_picture(
    tmp_path_factory: pytest.TempPathFactory, body: str, code: str
) -> None:
    with DecodePool(argv=_stand_in(tmp_path_factory, body)) as pool:
        found = pool.decode(picture(RAMP), timeout=0.5)
        assert isinstance(found, CannotShow)
        assert found.code == code
        again = pool.decode(picture(RAMP), timeout=0.5)
        assert isinstance(again, CannotShow)


def test_a_child_that_never_starts_gets_words() -> None:
    with DecodePool(argv=[sys.executable, "-c", "raise SystemExit(3)"]) as pool:
        found = pool.decode(picture(RAMP))
        assert isinstance(found, CannotShow)
        assert found.code == "stopped"


def test_a_closed_pool_says_so_and_leaves_no_child_behind() -> None:
    pool = DecodePool()
    shown(pool, picture(RAMP))
    children = [child.process for child in pool._idle]
    pool.close()
    assert children
    assert all(process.returncode is not None for process in children)
    found = pool.decode(picture(RAMP))
    assert isinstance(found, CannotShow)


def test_several_threads_get_their_own_pictures() -> None:
    clips = [np.full((3, 3), number, np.uint8) for number in range(8)]
    seen: dict[int, int] = {}
    with DecodePool(2) as pool:

        def work(number: int) -> None:
            found = pool.decode(picture(clips[number]))
            assert isinstance(found, Frame)
            seen[number] = int(found.pixels[0, 0])

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == {number: number for number in range(8)}


def test_multi_fragment_frames_are_told_apart_by_their_beginnings(pool: DecodePool) -> None:
    values = np.random.default_rng(8).integers(0, 4096, (2, 8, 8)).astype(np.uint16)
    streams = [encode([frame.tolist()], 16, 1) for frame in values]
    cut = [part for stream in streams for part in (stream[:60], stream[60:])]
    elements = described(values)
    del elements[0x7FE00010]
    tail = element(0x7FE00010, "OB", fragments(*cut), length=0xFFFFFFFF)
    data = part10(elements, syntax=JPEG_LOSSLESS, tail=tail)
    assert np.array_equal(shown(pool, data, 2).pixels, values[1])


def test_the_public_corpus_gives_pictures_or_words(pool: DecodePool, shared_data: object) -> None:
    from pathlib import Path

    folder = Path(str(shared_data))
    files = [
        file
        for part in ("malformed", "transfer-syntaxes")
        for file in sorted((folder / part).rglob("*"))
        if file.is_file()
    ]
    assert len(files) > 50
    for file in files:
        found = pool.decode(file.read_bytes())
        assert isinstance(found, Frame) or found.code not in ("stopped", "timeout"), file.name


def test_one_picture_in_every_transfer_syntax_is_the_same(pool: DecodePool, shared_data: object) -> None:
    from pathlib import Path

    folder = Path(str(shared_data)) / "transfer-syntaxes" / "same-ct-15-ways"
    frames = {file.name: pool.decode(file.read_bytes()) for file in sorted(folder.iterdir())}
    exact = [found for name, found in frames.items() if "Lossy" not in name and isinstance(found, Frame)]
    reference = next(found for name, found in frames.items() if "LittleEndianExplicit" in name)
    assert isinstance(reference, Frame)
    same = [f for f in exact if f.pixels.dtype == np.int16 and np.array_equal(f.pixels, reference.pixels)]
    assert {found.decoder for found in same} >= {"native", "teleread", "openjpeg", "pyjpegls", "rle"}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_child_is_capped_and_holds_nothing_of_the_readers(
    pool: DecodePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    from pathlib import Path

    monkeypatch.setenv("TELEREAD_PASSPHRASE", "secret")
    secret = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        with DecodePool() as own:
            shown(own, picture(RAMP))
            process = Path("/proc") / str(own._idle[0].process.pid)
            limits = {
                line[:25].strip(): line[25:].split()[:2]
                for line in (process / "limits").read_text().splitlines()
            }
            environment = (process / "environ").read_bytes()
            kinds = {os.readlink(file).split(":")[0] for file in (process / "fd").iterdir()}
    finally:
        os.close(secret)
    assert limits["Max core file size"] == ["0", "0"]
    assert limits["Max file size"] == ["0", "0"]
    assert int(limits["Max address space"][1]) <= 1536 * 1024 * 1024
    assert int(limits["Max open files"][1]) <= 32
    assert int(limits["Max cpu time"][1]) <= 200
    assert b"secret" not in environment
    assert b"HOME=" not in environment
    assert kinds <= {"pipe", "/dev/null", "/memfd"}


@pytest.mark.parametrize(
    ("shape", "changes", "seen"),
    [
        (
            b"RECTANGULAR",
            {0x00181602: b"1", 0x00181604: b"5", 0x00181606: b"1", 0x00181608: b"4"},
            [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)],
        ),
        (b"CIRCULAR", {0x00181610: b"2\\3", 0x00181612: b"1"}, [(0, 2), (1, 1), (1, 2), (1, 3), (2, 2)]),
        (b"POLYGONAL", {0x00181620: b"1\\1\\1\\2\\2\\2\\2\\1"}, [(0, 0), (0, 1), (1, 0), (1, 1)]),
    ],
)
def test_shutters_are_read(
    pool: DecodePool, shape: bytes, changes: dict[int, bytes], seen: list[tuple[int, int]]
) -> None:
    elements = {tag: ("IS", value) for tag, value in changes.items()} | {0x00181600: ("CS", shape)}
    frame = shown(pool, picture(RAMP, elements))
    assert frame.shutter is not None
    assert [tuple(place) for place in np.argwhere(~frame.shutter).tolist()] == seen
