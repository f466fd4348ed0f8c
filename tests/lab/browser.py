"""A headless Chromium, driven over the DevTools protocol through a pipe: no driver, no port, no package."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_DEADLINE = 60.0
"""Seconds for any answer: a busy machine starts a browser slowly."""
_COMPLAINTS = (
    "Log.entryAdded",
    "Runtime.exceptionThrown",
    "Runtime.consoleAPICalled",
    "Network.requestWillBeSent",
)
_RELAY = """
import os, sys
os.dup2(int(sys.argv[1]), 100)
os.dup2(int(sys.argv[2]), 101)
os.dup2(100, 3)
os.dup2(101, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""The protocol's pipe is descriptors 3 and 4 of the browser."""


class Browser:
    """One page of one browser; use it as a context manager."""

    def __init__(self, profile: Path) -> None:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        assert program, "no Chromium is installed: `make browser` sees to one"
        commands, self._write = os.pipe()
        self._read, answers = os.pipe()
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
        relay = [sys.executable, "-c", _RELAY, str(commands), str(answers)]
        self._process = subprocess.Popen(
            [
                *relay,
                program,
                *arguments,
                "--remote-debugging-pipe",
                f"--user-data-dir={profile}",
                "about:blank",
            ],
            pass_fds=(commands, answers),
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        os.set_blocking(self._read, False)
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._session = ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._session = ""
        self.call("Browser.close")
        self._process.wait(_DEADLINE)
        os.close(self._write)
        os.close(self._read)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its result; what else is said meanwhile is kept in `events`."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda said: said.get("id") == number, method)
        assert "error" not in answer, (method, answer)
        return dict(answer["result"])

    def open(self, page: Path, width: int, scheme: str = "light") -> None:
        """Loads a file in a window (below 800 px: a phone) of that width in px."""
        metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 800}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        if not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self._until(lambda said: said.get("method") == "Page.loadEventFired", "the page")

    def evaluate(self, expression: str) -> Any:
        """A JavaScript expression's value."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def complaints(self, page: Path) -> list[dict[str, Any]]:
        """Console messages, errors, and requests for anything but the page itself, since it was opened."""
        own = (page.as_uri(), "data:,")
        return [
            event
            for event in self.events
            if event.get("method") in _COMPLAINTS and event["params"].get("request", {}).get("url") not in own
        ]

    def print(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"])

    def _until(self, wanted: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        deadline = time.monotonic() + _DEADLINE
        while True:
            assert time.monotonic() < deadline, f"the browser did not answer: {what}"
            found = None
            for said in self._heard():
                if found is None and wanted(said):
                    found = said
                else:
                    self.events.append(said)
            if found is not None:
                return found

    def _heard(self) -> list[dict[str, Any]]:
        select.select([self._read], [], [], 1)
        try:
            self._buffer += os.read(self._read, 1 << 20)
        except BlockingIOError:
            return []
        *lines, self._buffer = self._buffer.split(b"\0")
        return [json.loads(line) for line in lines]
