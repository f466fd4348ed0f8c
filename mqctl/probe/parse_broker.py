"""A broker's answer (broker.erl) -> BrokerStatus. Pure, and never raises."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from pydantic import ValidationError

from mqctl.model.status import BrokerStatus, LinkStatus, QueueStatus
from mqctl.model.uri import shown

_PAUSED = (
    "the node is up, its rabbit application is not: it is starting, was stopped, or paused as a minority"
)
_SILENT = {
    "activating": "the unit is starting, the node does not answer yet",
    "deactivating": "the unit is stopping, the node does not answer any more",
}
_ASIDES = (
    "suggestion: ",
    "connected to epmd",
    "epmd reports node ",
    "node name:",
    "effective user",
    "Erlang cookie hash",
)
"""What rabbitmqctl's diagnosis says besides its finding."""


def broker_status(section: Any) -> BrokerStatus | None:
    """A broker's section of the host's answer; None when the host was not asked for a broker."""
    if not isinstance(section, dict):
        return BrokerStatus(running=False, blank=False, error="no broker in the answer to the probe")
    if "answer" not in section:
        return BrokerStatus(running=False, blank=False, error=str(section.get("error", "no answer")))
    said = section["answer"]
    if said is None:
        return None
    try:
        return _broker(said)
    except ValidationError as error:
        return _unreadable(f"{error.error_count()} wrong fields")
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        return _unreadable(type(error).__name__)


def _unreadable(why: str) -> BrokerStatus:
    return BrokerStatus(running=False, blank=False, error=f"the broker's answer cannot be read ({why})")


def _broker(said: dict[str, Any]) -> BrokerStatus:
    blank = bool(said["blank"])
    if said.get("answer") is None:
        why = said.get("error")
        what = _SILENT.get(said["unit"], "the unit runs, the node does not answer")
        return BrokerStatus(running=False, blank=blank, error=f"{what}: {telling(why)}" if why else None)
    answer = json.loads(base64.b64decode(said["answer"], validate=True))
    running = answer["running"] is True
    return BrokerStatus(
        running=running,
        node=answer["node"],
        version=answer["version"],
        erlang=answer["erlang"],
        blank=blank and not running and len(answer["members"] or ()) < 2,
        cluster_name=answer["cluster_name"],
        members=_names(answer["members"], running),
        running_members=_names(answer["running_members"], running),
        disc_members=_names(answer["disc_members"], running),
        ram_members=_names(answer["ram_members"], running),
        partitions={answer["node"]: apart} if (apart := _names(answer["partitions"], running)) else {},
        alarms=_names(answer["alarms"], running),
        enabled_plugins=_names(answer["enabled_plugins"], running),
        disabled_flags=_names(answer["disabled_flags"], running),
        queues=tuple(_queue(queue) for queue in _list(answer["queues"], running)),
        definitions=answer["definitions"],
        links=_links(answer.get("links")),
        maintenance=answer["maintenance"] is True,
        error=None if running else _PAUSED,
    )


def _names(said: Any, running: bool) -> tuple[str, ...]:
    return tuple(sorted(_list(said, running)))


def _list(said: Any, running: bool) -> list[Any]:
    """Only a broker that does not run may leave a list out: of a running one null must not read as "none"."""
    if said is None and not running:
        return []
    if not isinstance(said, list):
        raise TypeError
    return said


def _queue(said: dict[str, Any]) -> QueueStatus:
    return QueueStatus.model_validate(
        {**said, "mirrors": said["mirrors"] or (), "synchronised": said["synchronised"] or ()}
    )


def _links(said: Any) -> tuple[LinkStatus, ...] | None:
    if said is None:
        return None
    return tuple(LinkStatus.model_validate({**link, "error": _reason(link["error"])}) for link in said)


def _reason(said: str | None) -> str:
    """The sentence inside an Erlang term, where there is one."""
    sentence = re.search(r'"([^"]{10,})"', said or "")
    return shown(sentence.group(1) if sentence else said or "")


def telling(said: Any) -> str:
    """The one sentence that explains a failure: rabbitmqctl wraps it into forty lines of suggestions."""
    lines = [line.strip().rstrip(".") for line in str(said).splitlines()]
    _, _, diagnosis = str(said).partition("DIAGNOSTICS")
    bullets = [line.strip()[2:].strip() for line in diagnosis.splitlines() if line.strip().startswith("* ")]
    findings = [text for text in bullets if not text.startswith(_ASIDES)]
    advice = [text.removeprefix("suggestion: ") for text in bullets if text.startswith("suggestion: ")]
    if findings:
        return f"{findings[0]} ({advice[0]})" if advice else findings[0]
    plain = [line for line in lines if line and line.lower() != "error:"]
    return (plain or ["no answer"])[0][:200]
