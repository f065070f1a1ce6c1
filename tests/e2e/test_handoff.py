"""The diagnostic viewer gets the open case by one key, with the hub and the archive gone.

OHIF's published build runs in Chromium on what the gateway serves, and the pixels it shows are compared with
ours. Weasis is no package of any registry: a program of the test's own takes its place, reads the ``weasis://``
address as Weasis' documentation tells, and loads every instance.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.flow import Place, set_up
from tests.e2e.terminal import Terminal
from tests.e2e.world import Cli, Demo
from tests.peers.browser import Chromium, chromium

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pty is POSIX")

PATIENT = "okafor"
SECONDS = 120.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

WRITER = """
import os, sys
with open(sys.argv[1] + ".part", "w") as file:
    file.write(sys.argv[2])
os.rename(sys.argv[1] + ".part", sys.argv[1])
"""
"""A viewer that only writes down what it was told to open."""

WEASIS = """
import hashlib, json, os, sys, urllib.request, xml.etree.ElementTree as Tree
from urllib.parse import unquote, urlencode
out, address = sys.argv[1:]
scheme, _, rest = address.partition("://")
words = unquote(rest)
assert scheme == "weasis" and words.startswith('$dicom:get -w "') and words.endswith('"'), address
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
link = words[len('$dicom:get -w "'):-1]
space = "{http://www.weasis.org/xsd/2.5}"
query = Tree.fromstring(opener.open(link).read()).find(space + "arcQuery")
headers = {tag.get("key"): tag.get("value") for tag in query.findall(space + "httpTag")}
found = {}
for study in query.iter(space + "Study"):
    for series in study.iter(space + "Series"):
        for one in series.iter(space + "Instance"):
            asked = {"requestType": "WADO", "studyUID": study.get("StudyInstanceUID"),
                     "seriesUID": series.get("SeriesInstanceUID"), "objectUID": one.get("SOPInstanceUID"),
                     "contentType": "application/dicom", "transferSyntax": "*"}
            address = query.get("baseUrl") + "?" + urlencode(asked)
            got = opener.open(urllib.request.Request(address, headers=headers))
            digest = hashlib.sha256(got.read()).hexdigest()
            found[one.get("SOPInstanceUID")] = [got.headers["Cache-Control"], digest]
with open(out + ".part", "w") as file:
    json.dump({"link": link, "root": query.get("baseUrl"), "headers": headers, "found": found}, file)
os.rename(out + ".part", out)
"""


def pumped(terminal: Terminal, seen: Callable[[], Any], words: str, seconds: float = SECONDS) -> None:
    """Wait until something is seen, while the terminal goes on drawing."""
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end, f"never seen: {words}\n{terminal.text()}"
        terminal.pump(0.2)


@dataclass(frozen=True)
class Held:
    """A desk with a case."""

    cli: Cli
    study: str


@pytest.fixture(scope="module")
def held(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Held:
    """The case's study is here whole, and its prior; the demo has gone."""
    cli = Cli(tmp_path_factory.mktemp("desk"))
    set_up(cli, Place(demo.fhir, demo.dicomweb, demo.dimse, demo.stop, lambda: demo.fhir))
    cli.json("sync")
    (row,) = cli.items(PATIENT)
    cli.json("claim", row["task"])
    assert cli.json("fetch", row["task"], "--priors", "1", timeout=600)["complete"] is True
    demo.stop()
    return Held(cli, str(row["study_uid"]))


def opened(cli: Cli, out: Path, *, viewer: str, program: Path) -> Terminal:
    """The case open on the desk, and its viewer asked for by the key."""
    cli.run("config", "set", "viewer", viewer)
    cli.run("config", "set", "viewer_command", f"'{sys.executable}' '{program}' '{out}' {{url}}")
    terminal = Terminal(cli)
    terminal.wait("oldest pull")
    terminal.send("/")
    terminal.pump(0.5)
    terminal.send(PATIENT)
    terminal.wait("1 of ")
    terminal.send("\r")
    terminal.send("\r")
    terminal.wait("/300")
    terminal.send("h")
    pumped(terminal, out.exists, "the viewer's address")
    return terminal


def status_of(url: str, **headers: str) -> int:
    """The status of a GET."""
    request = urllib.request.Request(
        url, headers={name.replace("_", "-"): one for name, one in headers.items()}
    )
    try:
        with _OPENER.open(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def refused(url: str) -> bool:
    """Whether nobody listens there any more."""
    try:
        status_of(url)
    except (urllib.error.URLError, ConnectionError):
        return True
    return False


def test_weasis_gets_the_case_by_its_own_address_until_the_case_closes(held: Held, tmp_path: Path) -> None:
    program, out = tmp_path / "weasis.py", tmp_path / "told.json"
    program.write_text(WEASIS)
    terminal = opened(held.cli, out, viewer="weasis", program=program)
    try:
        told = json.loads(out.read_text())
        series = held.cli.json("study", held.study)["series"]
        digests = {one["sop_uid"]: one["sha256"] for each in series for one in each["instances"]}
        given = {uid: digest for uid, (_, digest) in told["found"].items()}
        assert {uid: given.get(uid) for uid in digests} == digests
        assert {kept for kept, _ in told["found"].values()} == {"no-store"}
        assert held.study not in told["link"]
        assert status_of(told["link"]) == 403, "the code works once"
        studies = told["root"].removesuffix("/wado") + "/studies"
        assert status_of(studies) == 401
        assert status_of(studies, Authorization="Bearer wrong") == 401
        assert status_of(studies, **told["headers"]) == 200
        assert status_of(studies, **told["headers"], Origin="https://evil.example") == 403
        terminal.send("q")
        pumped(terminal, lambda: refused(studies), "the gateway's end")
    finally:
        terminal.kill()


def test_the_gateway_ends_with_the_lock(held: Held, tmp_path: Path) -> None:
    program, out = tmp_path / "weasis.py", tmp_path / "told.json"
    program.write_text(WEASIS)
    terminal = opened(held.cli, out, viewer="weasis", program=program)
    try:
        root = json.loads(out.read_text())["root"]
        assert status_of(root) == 401
        held.cli.run("lock")
        pumped(terminal, lambda: refused(root), "the gateway's end")
    finally:
        terminal.kill()


# -- OHIF ---------------------------------------------------------------------------------------------------


@pytest.fixture
def ohif() -> Path:
    """OHIF's published build, from npm."""
    said = os.environ.get("TELEREAD_OHIF", "")
    if said and (Path(said) / "index.html").is_file() and chromium():
        return Path(said)
    words = "Chromium, or OHIF's build (npm pack @ohif/app; TELEREAD_OHIF names its dist), is not here"
    if os.environ.get("TELEREAD_REQUIRE_PEERS") == "1":
        pytest.fail(words)
    pytest.skip(f"{words}: this test did NOT run")


def picture_of(cli: Cli, study: str, series: str, sop: str, folder: Path) -> Any:
    """Our own greys of an image."""
    import numpy as np
    from PIL import Image

    target = folder / "ours.png"
    cli.json("image", f"{study}/{series}/{sop}", "--png", str(target))
    return np.asarray(Image.open(target).convert("L")).astype(float)


def likeness(shown: Any, ours: Any) -> float:
    """Correlation of the middle of a viewport with our picture fitted into it as the viewer does."""
    import numpy as np
    from PIL import Image

    side = min(shown.shape)
    top, left = (shown.shape[0] - side) // 2, (shown.shape[1] - side) // 2
    seen = shown[top : top + side, left : left + side]
    fitted = np.asarray(Image.fromarray(ours.astype(np.uint8)).resize((side, side))).astype(float)
    edge = side // 8  # the viewer writes into the corners
    middle = np.s_[edge : side - edge, edge : side - edge]
    if min(seen[middle].std(), fitted[middle].std()) < 5:
        return 0.0
    return float(np.corrcoef(seen[middle].ravel(), fitted[middle].ravel())[0, 1])


def viewport(browser: Chromium) -> Any:
    """What the largest canvas of the page shows, as greys; None while there is none."""
    import numpy as np
    from PIL import Image

    place = browser.run(
        "(() => { const all = [...document.querySelectorAll('canvas')].map(c => c.getBoundingClientRect())"
        ".sort((a, b) => b.width * b.height - a.width * a.height); const r = all[0];"
        " return r && r.width > 300 ? [r.left, r.top, r.right, r.bottom] : null })()"
    )
    if place is None:
        return None
    picture = Image.open(io.BytesIO(browser.picture())).convert("L").crop(tuple(map(round, place)))
    greys = np.asarray(picture).astype(float)
    return greys if greys.std() > 10 else None


def test_ohif_shows_the_case_with_the_network_down_and_its_pixels_are_ours(
    held: Held, ohif: Path, tmp_path: Path
) -> None:
    import numpy as np

    program, out = tmp_path / "opener.py", tmp_path / "address"
    program.write_text(WRITER)
    terminal = opened(held.cli, out, viewer=str(ohif), program=program)
    browser = None
    try:
        link = out.read_text()
        study = held.study
        assert study not in link
        found = max(held.cli.json("study", study)["series"], key=lambda one: len(one["instances"]))
        ends = [found["instances"][place]["sop_uid"] for place in (0, -1)]
        ours = [picture_of(held.cli, study, found["series_uid"], sop, tmp_path) for sop in ends]
        browser = Chromium(program=chromium() or "", folder=tmp_path / "chromium")
        browser.open(link)
        page = browser

        def same() -> bool:
            shown = viewport(page)
            return shown is not None and max(likeness(shown, one) for one in ours) > 0.98

        pumped(terminal, same, "our picture in the viewer")
        shown = viewport(browser)
        assert len(np.unique(shown)) > 100, "a picture has many greys"
        here = urlsplit(link)
        asked = [urlsplit(one) for one in browser.requests()]
        assert {one.netloc for one in asked if one.scheme.startswith("http")} == {here.netloc}
        history = browser.call("Page.getNavigationHistory")["entries"]
        assert not [one for one in history if study in one["url"] or PATIENT in one["url"].casefold()]
        service = f"{here.scheme}://{here.netloc}{root_of(asked)}"
        cookies = browser.call("Network.getCookies", urls=[service])["cookies"]
        (cookie,) = [one for one in cookies if one["name"].startswith("teleread-")]  # OHIF has its own
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["session"]) == (True, "Strict", True)
        data = f"{service}/studies"
        assert status_of(data) == 401
        assert status_of(link) == 403, "the code works once"
        browser.close()
        browser = None
        left_behind(tmp_path / "chromium", study, cookie["value"], PATIENT)
        terminal.send("q")
        pumped(terminal, lambda: refused(data), "the gateway's end")
    finally:
        if browser is not None:
            (tmp_path / "seen.png").write_bytes(browser.picture())
            browser.close()
        terminal.kill()


def root_of(asked: list[Any]) -> str:
    """The path of the DICOMweb service, as the page asked for it."""
    return next(
        str(one.path).partition("/dicom-web")[0] + "/dicom-web" for one in asked if "/dicom-web" in one.path
    )


def left_behind(folder: Path, *words: str) -> None:
    """Nothing of a patient, and no key, lies in the browser's profile."""
    files = [one for one in folder.rglob("*") if one.is_file()]
    assert files
    for one in files:
        content = one.read_bytes().lower()
        for word in words:
            assert word.lower().encode() not in content, f"{one.name} holds what it should not"
