"""Answers of real hosts, recorded; the broker's own answer is kept readable and encoded again here."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from mqctl.probe.host import MARK

_ANSWERS = Path(__file__).with_name("answers")


def answer(name: str) -> dict[str, Any]:
    """A recorded answer as data."""
    found: dict[str, Any] = json.loads((_ANSWERS / f"{name}.json").read_text())
    return found


def printed(said: dict[str, Any]) -> str:
    """What the host printed."""
    broker = said["sections"].get("broker", {}).get("answer")
    if isinstance(broker, dict) and isinstance(broker.get("answer"), dict):
        text = json.dumps(broker["answer"]).encode()
        broker = {**broker, "answer": base64.b64encode(text).decode()}
        said = {**said, "sections": {**said["sections"], "broker": {"answer": broker}}}
    return f"{MARK}{json.dumps(said)}\n"
