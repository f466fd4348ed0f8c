"""Packet filters as text: what is dropped at a host, printed for nft and for iptables, and taken away again.

Everything lies in a table (nft) or in chains (iptables) of mqctl's own, before all other rules: healing
removes exactly these, and what the host filters itself is not touched. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Literal

from mqctl.model.base import IPAddress

TABLE = "mqctl_fault"
TIMER = "mqctl-heal-network"
"""The unit that takes the filter away when mqctl does not."""
VRRP = 112
"""IP protocol number (RFC 5798 section 5.1.1.4)."""
_PATH = "PATH=$PATH:/usr/sbin:/sbin"

Direction = Literal["in", "out"]


@dataclass(frozen=True)
class Rule:
    """Packets that the host receives (`in`) or sends (`out`); what is None matches everything."""

    direction: Direction
    action: Literal["drop", "accept"] = "drop"
    peer: IPAddress | None = None
    """Where they come from, or go to."""
    protocol: Literal["tcp", "vrrp"] | None = None
    port: int | None = None
    """TCP port."""
    side: Literal["source", "destination"] = "destination"
    """Which end of the connection has the port."""
    loopback: bool = False
    """Only those of the host to itself."""


def apply(rules: Sequence[Rule]) -> str:
    """A script that filters; an earlier filter of mqctl's is replaced."""
    return f"""set -eu
{_PATH}
{_UNDO}
undo
if command -v nft >/dev/null; then
nft -f - <<'END'
{nft(rules)}END
elif command -v iptables >/dev/null; then
iptables-restore --noflush --wait <<'END'
{iptables(rules, 4)}END
if [ -s /proc/net/if_inet6 ]; then
ip6tables-restore --noflush --wait <<'END'
{iptables(rules, 6)}END
fi
else
echo 'neither nft nor iptables is installed, and one of them is needed to cut a network' >&2
exit 1
fi
"""


def undo() -> str:
    """A script that takes the filter away; it succeeds when there was none, and fails when one remains."""
    return f"{_PATH}\n{_UNDO}\nundo\n"


def deadman(seconds: float) -> str:
    """A script that makes the host itself take the filter away after that time, whoever is gone by then."""
    heal = quote(undo())
    return (
        f"{disarm()}systemd-run --quiet --collect --unit={TIMER} --on-active={seconds:.0f} "
        f"--timer-property=AccuracySec=1s /bin/sh -c {heal}\n"
    )


def disarm() -> str:
    """A script that stops that timer, if there is one."""
    return f"if systemctl is-active --quiet {TIMER}.timer; then systemctl stop {TIMER}.timer; fi\n"


def nft(rules: Sequence[Rule]) -> str:
    """A table whose chains come before those of the host (nft(8): lower priorities first)."""
    lines = [f"table inet {TABLE} {{"]
    for direction, hook in (("in", "input"), ("out", "output")):
        lines += [f"chain {direction} {{", f"type filter hook {hook} priority -300; policy accept;"]
        lines += [_nft(rule) for rule in rules if rule.direction == direction]
        lines.append("}")
    return "\n".join([*lines, "}", ""])


def iptables(rules: Sequence[Rule], version: Literal[4, 6]) -> str:
    """Two chains, and the jumps to them before everything else; the other IP version's addresses left out."""
    chains = {"in": "MQCTL-IN", "out": "MQCTL-OUT"}
    lines = ["*filter", *(f":{chain} - [0:0]" for chain in chains.values())]
    lines += [
        f"-A {chains[rule.direction]} {' '.join(_iptables(rule))}"
        for rule in rules
        if rule.peer is None or rule.peer.version == version
    ]
    lines += ["-I INPUT 1 -j MQCTL-IN", "-I OUTPUT 1 -j MQCTL-OUT", "COMMIT", ""]
    return "\n".join(lines)


def _nft(rule: Rule) -> str:
    words: list[str] = []
    if rule.loopback:
        words.append('iifname "lo"' if rule.direction == "in" else 'oifname "lo"')
    if rule.peer is not None:
        family = "ip" if rule.peer.version == 4 else "ip6"
        words.append(f"{family} {'saddr' if rule.direction == 'in' else 'daddr'} {rule.peer}")
    if rule.protocol == "vrrp":
        words.append(f"meta l4proto {VRRP}")
    if rule.protocol == "tcp":
        words.append(f"tcp {'sport' if rule.side == 'source' else 'dport'} {rule.port}")
    return " ".join([*words, rule.action])


def _iptables(rule: Rule) -> Iterator[str]:
    if rule.loopback:
        yield "-i lo" if rule.direction == "in" else "-o lo"
    if rule.peer is not None:
        yield f"{'-s' if rule.direction == 'in' else '-d'} {rule.peer}"
    if rule.protocol == "vrrp":
        yield f"-p {VRRP}"
    if rule.protocol == "tcp":
        yield f"-p tcp {'--sport' if rule.side == 'source' else '--dport'} {rule.port}"
    yield f"-j {rule.action.upper()}"


_UNDO = f"""undo() {{
if command -v nft >/dev/null && nft list table inet {TABLE} >/dev/null 2>&1; then
nft delete table inet {TABLE} || return 1
fi
for tables in iptables ip6tables; do
command -v $tables >/dev/null || continue
for chain in IN OUT; do
while $tables --wait -D ${{chain}}PUT -j MQCTL-$chain 2>/dev/null; do :; done
if $tables --wait -S MQCTL-$chain >/dev/null 2>&1; then
$tables --wait -F MQCTL-$chain && $tables --wait -X MQCTL-$chain || return 1
fi
done
done
}}"""
