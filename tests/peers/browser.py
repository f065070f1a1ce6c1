"""Chromium without a window, driven over its debugging pipe: no port, no library."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["Chromium", "chromium"]

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """The browser's program; None where there is none."""
    return next((found for one in PROGRAMS if (found := shutil.which(one))), None)


_MOVE = (
    "import fcntl, os, sys\n"
    "ends = [fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3]]\n"
    "os.dup2(ends[0], 3), os.dup2(ends[1], 4)\n"
    "os.execvp(sys.argv[3], sys.argv[3:])"
)
"""The pipe's ends are to be descriptors 3 and 4 in the browser."""


class Chromium:
    """A browser with a profile of its own and one page.

    Args:
        program: Its program.
        folder: Where its profile goes.
        size: Width and height of the page, pixels.
    """

    def __init__(self, program: str, folder: Path, size: tuple[int, int] = (1280, 900)) -> None:
        self.profile = folder
        to_child, self._out = os.pipe()
        self._in, from_child = os.pipe()
        argv = [
            *(
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--use-gl=angle",
                "--use-angle=swiftshader",
            ),
            *("--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run", "--disable-sync"),
            *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
            *(f"--user-data-dir={folder}", f"--window-size={size[0]},{size[1]}", "--remote-debugging-pipe"),
            "about:blank",
        ]
        words = [sys.executable, "-c", _MOVE, str(to_child), str(from_child), *argv]
        self._process = subprocess.Popen(
            words, pass_fds=(to_child, from_child), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_child)
        os.close(from_child)
        self._number = 0
        self._held = b""
        self.events: list[dict[str, Any]] = []
        self._session = ""
        target = self._first_page()
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def _first_page(self) -> str:
        while True:
            for one in self.call("Target.getTargets")["targetInfos"]:
                if one["type"] == "page":
                    return str(one["targetId"])
            time.sleep(0.1)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the DevTools protocol, and its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            found = self._message(120)
            if found.get("id") == self._number:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']}")
                result: dict[str, Any] = found["result"]
                return result
            self.events.append(found)

    def _message(self, seconds: float) -> dict[str, Any]:
        while b"\0" not in self._held:
            if not select.select([self._in], [], [], seconds)[0]:
                raise TimeoutError("the browser said nothing")
            got = os.read(self._in, 1 << 20)
            if not got:
                raise RuntimeError("the browser ended")
            self._held += got
        line, _, self._held = self._held.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found

    def open(self, url: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        told = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return told["result"].get("value")

    def picture(self) -> bytes:
        """A PNG of the page."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def requests(self) -> list[str]:
        """Addresses the page asked for."""
        return [
            str(one["params"]["request"]["url"])
            for one in self.events
            if one.get("method") == "Network.requestWillBeSent"
        ]

    def close(self) -> None:
        """End it."""
        try:
            self._session = ""
            self.call("Browser.close")
        except (OSError, RuntimeError, TimeoutError):
            pass
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._out)
        os.close(self._in)
