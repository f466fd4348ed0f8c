"""Ansible's stdout as one JSON object per line: what happens on which host, never with what arguments.

Loaded by ansible-playbook (ANSIBLE_CALLBACK_PLUGINS), not by mqctl.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: mqctl_events
    type: stdout
    short_description: One JSON object per line
    description: Play and task names, each host's outcome and message; no arguments, no results.
"""


class CallbackModule(CallbackBase):
    """Tells mqctl's runner what ansible-playbook does."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "mqctl_events"

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """A play begins."""
        self._tell("play", name=play.get_name().strip())

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002
        """A task begins."""
        self._tell("task", name=_title(task))

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """A host begins a task."""
        self._tell("host", host=host.get_name(), task=_title(task), state="running", message="")

    def v2_runner_on_ok(self, result: Any) -> None:
        """A host finished a task."""
        self._outcome(result, "changed" if result._result.get("changed") else "ok", "note")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A host had nothing to do in a task."""
        self._outcome(result, "skipped", "")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: ARG002
        """A task failed on a host."""
        self._outcome(result, "failed", "msg")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host could not be reached."""
        self._outcome(result, "unreachable", "msg")

    def v2_runner_retry(self, result: Any) -> None:
        """A task is tried again on a host."""
        self._outcome(result, "running", "msg")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The end, with the count of each host's outcomes."""
        self._tell("end", hosts={host: stats.summarize(host) for host in sorted(stats.processed)})

    def _outcome(self, result: Any, state: str, key: str) -> None:
        message = "" if not key or "censored" in result._result else str(result._result.get(key) or "")
        self._tell(
            "host", host=result._host.get_name(), task=_title(result._task), state=state, message=message
        )

    def _tell(self, event: str, **fields: Any) -> None:
        try:
            sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            # mqctl is gone, and its locks with it: no further task may begin. Ansible itself would go on.
            os.killpg(os.getpgrp(), signal.SIGTERM)


def _title(task: Any) -> str:
    return str(task.name or task.action).strip()
