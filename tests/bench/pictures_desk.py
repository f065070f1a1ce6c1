"""The reading desk on made-up studies of a sealed vault, for `bench_pictures`: it counts pictures.

``python -m tests.bench.pictures_desk make FOLDER SLICES`` makes the vault; ``... FOLDER KIND WAY`` is the
desk on one of its studies. SIGUSR1 writes what was drawn until then to ``FOLDER/counts``; it goes on then.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from teleread.model.study import InstanceInfo, StudyKey
from teleread.model.text import clean
from teleread.workstation.api import SeriesView

HUB = "11111111-1111-4111-8111-111111111111"
KINDS = ("ct", "j2k", "dx")
DIFFERENT = 120
"""Slices that differ; a longer stack goes up and down through them."""
COMPRESSED = 120
FILMS = 4


def make(folder: Path, slices: int) -> None:
    """A sealed vault with a stack of CT, another in JPEG 2000, and radiographs; one study each."""
    from teleread.archive.local import import_paths
    from tests.archive_factories import make_vault

    files = folder / "files"
    files.mkdir()
    vault = make_vault(folder / "vault")
    studies = {}
    for kind in KINDS:
        for number, data in enumerate(_objects(kind, slices)):
            (files / f"{number:04}.dcm").write_bytes(data)
        told = import_paths(vault, [files], HUB)
        [key] = told.studies
        studies[kind] = [key.hub_id, key.study_uid]
        for one in files.iterdir():
            one.unlink()
    (folder / "studies").write_text(json.dumps({"key": vault.master_handoff().hex(), "studies": studies}))
    vault.close()


def _objects(kind: str, slices: int) -> Iterator[bytes]:
    from pydicom import dcmread

    from teleread.demo.cases.nouns import Series
    from teleread.demo.images.ct_chest import chest_ct
    from tests.bench.bench_imaging import ct_slice, radiograph

    study = f"2.25.{1 + KINDS.index(kind)}111"
    count = {"ct": slices, "j2k": min(slices, COMPRESSED), "dx": FILMS}[kind]
    shape = Series("s", 1, "", "CT", "", "", 512, 512, DIFFERENT, spacing=(0.7, 0.7), step=(0, 0, 2.0))
    first = dcmread(io.BytesIO(radiograph() if kind == "dx" else ct_slice()))
    pixels: list[bytes] = []
    for number in range(count):
        place = number % (2 * DIFFERENT)
        place = place if place < DIFFERENT else 2 * DIFFERENT - 1 - place
        first.StudyInstanceUID, first.SeriesInstanceUID = study, f"{study}.1"
        first.SOPInstanceUID = first.file_meta.MediaStorageSOPInstanceUID = f"{study}.1.{number + 1}"
        first.InstanceNumber, first.SeriesNumber = number + 1, 1
        first.SeriesDescription = kind
        if kind != "dx":
            first.ImagePositionPatient = [0, 0, float(number)]
            if place == len(pixels):
                made = chest_ct(shape, place, 7)
                pixels.append(_coded(first, made) if kind == "j2k" else made.tobytes())
            first.PixelRepresentation = 0
            first.PixelData = pixels[place]
            if kind == "j2k":
                first["PixelData"].VR = "OB"
        out = io.BytesIO()
        first.save_as(out, enforce_file_format=True)
        yield out.getvalue()


def _coded(made: Any, pixels: Any) -> bytes:
    """Lossless JPEG 2000, encapsulated."""
    from PIL import Image
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless

    coded = io.BytesIO()
    Image.fromarray(pixels).save(coded, "JPEG2000", irreversible=False, no_jp2=True)
    made.file_meta.TransferSyntaxUID = JPEG2000Lossless
    encapsulated: bytes = encapsulate([coded.getvalue()])
    return encapsulated


def _in_order(vault: Any, hub: str, uid: str) -> tuple[InstanceInfo, ...]:
    return tuple(sorted(vault.studies.instances(hub, uid), key=lambda one: one.instance_number or 0))


class Counts:
    """What the desk has drawn, and the processor time of our own that it took."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.own = 0.0
        self.updates = 0
        self.pictures = 0
        self.area: tuple[int, ...] = ()
        self._within = False
        self._last: Any = None

    def timed(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same, its processor time counted once however deep it is called."""

        def counted(*args: Any, **more: Any) -> Any:
            if self._within:
                return work(*args, **more)
            self._within = True
            begin = time.thread_time()
            try:
                return work(*args, **more)
            finally:
                self.own += time.thread_time() - begin
                self._within = False

        return counted

    def displayed(self, pane: Any) -> None:
        """Something went to the terminal: another picture, if what is drawn is another one."""
        self.updates += 1
        if pane is None or pane.shot_shown is None or pane._painted is None:
            return
        self.area = pane.area()
        now = (pane.shot_shown, pane.view)
        if now != self._last:
            self._last = now
            self.pictures += 1

    def write(self, *_: object) -> None:
        """Tell."""
        part = self.file.with_suffix(".part")
        told = {"own_ms": 1000 * self.own, "pictures": self.pictures, "area": self.area}
        part.write_text(json.dumps({**told, "updates": self.updates}))
        part.rename(self.file)


def desk(folder: Path, kind: str, way: str) -> None:
    """The reading screen, its terminal this process's own."""
    from teleread.host.paths import Home
    from teleread.imaging.decode import DecodePool
    from teleread.tui.app import TelereadApp, run
    from teleread.tui.widgets.picture import PicturePane
    from teleread.tui.widgets.picture_drawing import PictureDrawing
    from teleread.vault.vault import Vault
    from tests.unit.tui_fake import FakeStation

    told = json.loads((folder / "studies").read_text())
    where = Home(*(folder / "vault" / part for part in ("config", "data", "logs")))
    vault = Vault.open_with_key(where.profile("default"), bytes.fromhex(told["key"]))
    hub, uid = told["studies"][kind]
    first = told["studies"]["ct"]
    held = _in_order(vault, hub, uid)
    series = [SeriesView(held[0].series_uid, clean("CT"), clean(kind), 1, held)]
    if kind == "dx":  # a case that opens with another series
        other = _in_order(vault, *first)[:20]
        series = [SeriesView(other[0].series_uid, clean("CT"), clean("ct"), 1, other)]
        series.append(SeriesView(held[0].series_uid, clean("DX"), clean("DX chest"), 2, held))
    counts = Counts(folder / "counts")
    signal.signal(signal.SIGUSR1, counts.write)

    class Station(FakeStation):
        """One study for every case, from the vault."""

        def study_series(self, hub_id: str, study_uid: str) -> tuple[SeriesView, ...]:
            return tuple(series)

        def instance_bytes(self, hub_id: str, study_uid: str, sop_uid: str) -> bytes:
            return vault.objects.read(hub, uid if sop_uid.startswith(uid) else first[1], sop_uid)

        def picture_marks(self, study: StudyKey) -> tuple[()]:
            return ()

    for name in ("render_lines", "repaint", "_change"):
        setattr(PictureDrawing, name, counts.timed(getattr(PictureDrawing, name)))
    plain: Any = TelereadApp._display

    def display(app: TelereadApp, screen: Any, renderable: Any) -> None:
        plain(app, screen, renderable)
        panes = [one for one in app.screen.query(PicturePane) if one.size.width]
        counts.displayed(panes[0] if panes else None)

    app_class: Any = TelereadApp
    app_class._display = display
    station = Station(1, settings={"colours": "truecolor", "image_protocol": way})
    station.rows[0] = replace(station.rows[0], priority=clean("stat"))
    run(station, decoder_factory=DecodePool)
    vault.close()


if __name__ == "__main__":
    os.environ.pop("NO_COLOR", None)
    with contextlib.suppress(KeyboardInterrupt):
        if sys.argv[1] == "make":
            make(Path(sys.argv[2]), int(sys.argv[3]))
        else:
            desk(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
