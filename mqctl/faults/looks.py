"""What a network looks like from a host: which ports answer, who is half connected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mqctl.faults.base import Shell
from mqctl.model.base import IPAddress

_TIMEOUT = 10.0
_CONNECT = 1.5
"""Seconds after which a connection attempt got no answer: more than one retransmission (1 s) of it."""
Answer = Literal["open", "silent", "refused"]
Expected = Literal["open", "silent", "reached"]
"""reached: open or refused, so packets go there and back, whatever listens."""
_ANSWERS: dict[str, Answer] = {"0": "open", "124": "silent"}
"""By exit code: bash connected; timeout(1) ended it."""


@dataclass(frozen=True)
class Port:
    """A TCP port as another host finds it."""

    seen_from: str
    host: str
    address: IPAddress
    port: int
    expected: Expected

    def see(self, shell: Shell) -> str | None:
        """A sentence when it is as expected."""
        attempt = f"exec 3<>/dev/tcp/{self.address}/{self.port}"
        script = f"timeout {_CONNECT:g} bash -c '{attempt}' 2>/dev/null; echo $?"
        answer = _ANSWERS.get(shell(self.seen_from, script, _TIMEOUT).strip(), "refused")
        if answer != self.expected and (self.expected != "reached" or answer == "silent"):
            return None
        return f"port {self.port} of {self.host} is {answer} from {self.seen_from}"


@dataclass(frozen=True)
class HalfOpen:
    """A connection attempt that reached a host whose answer did not get back (TCP state SYN-RECV)."""

    host: str
    address: IPAddress
    port: int
    by: str
    """The host that tried, from any of `sources`."""
    sources: tuple[IPAddress, ...]

    def see(self, shell: Shell) -> str | None:
        """A sentence when there is one."""
        peers = " or ".join(f"dst {source}" for source in self.sources)
        script = f'ss -Hnt state syn-recv "sport = :{self.port} and ( {peers} )"'
        if not shell(self.host, script, _TIMEOUT).strip():
            return None
        return f"packets of {self.by} arrive at {self.host} (half open connection to port {self.port})"


Look = Port | HalfOpen


def all_of(looks: Sequence[Look], shell: Shell) -> str | None:
    """One sentence for each look, in order; None as soon as one is not as expected."""
    seen: list[str] = []
    for look in looks:
        said = look.see(shell)
        if said is None:
            return None
        seen.append(said)
    return "; ".join(seen) or None
