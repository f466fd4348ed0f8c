"""Reports to print: made from hand-written histories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mqctl.model import history as h
from mqctl.model.report import Report
from mqctl.workflows import failover_report
from mqctl.workload.journal import Journal


def saved(path: Path, events: Sequence[h.Event]) -> Path:
    journal = Journal(path)
    journal.write(*events)
    journal.close()
    return path


def report(path: Path, events: Sequence[h.Event]) -> Report:
    return failover_report.document([saved(path, events)])


def renamed(events: Sequence[h.Event], **fields: object) -> list[h.Event]:
    """The same history with another beginning."""
    return [e.model_copy(update=fields) if isinstance(e, h.Started) else e for e in events]
