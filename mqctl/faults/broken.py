"""What is broken right now, on disc: so that healing survives a crash of the tool."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mqctl.errors import MqctlError
from mqctl.model.base import Model
from mqctl.model.scenario import FaultName


class Breakage(Model):
    """One fault that was injected and not healed."""

    fault: FaultName
    host: str
    since: datetime


_BREAKAGES = TypeAdapter(tuple[Breakage, ...])


class Broken:
    """The list; it is written before anything is broken, and shortened after it is healed."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "broken.json"

    def read(self) -> tuple[Breakage, ...]:
        """What was not healed; raises MqctlError when the file is not ours to understand."""
        try:
            return _BREAKAGES.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return ()
        except ValidationError:
            raise MqctlError(
                f"{self._path} cannot be read", "look at the hosts, then remove the file"
            ) from None

    def add(self, fault: FaultName, host: str) -> None:
        """About to break something."""
        now = datetime.now(UTC).replace(microsecond=0)
        self._write((*self.read(), Breakage(fault=fault, host=host, since=now)))

    def remove(self, fault: FaultName, host: str) -> None:
        """It is healed."""
        self._write(tuple(b for b in self.read() if (b.fault, b.host) != (fault, host)))

    def _write(self, breakages: tuple[Breakage, ...]) -> None:
        if not breakages:
            self._path.unlink(missing_ok=True)
            return
        candidate = self._path.with_suffix(".new")
        candidate.write_bytes(_BREAKAGES.dump_json(breakages, indent=2))
        candidate.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
