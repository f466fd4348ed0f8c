"""From a history to pass, fail or unknown. No evidence is unknown, never a pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mqctl.model import history
from mqctl.model.gate import GateResult, Outcome, overall
from mqctl.model.history import History
from mqctl.model.scenario import Expectation
from mqctl.model.verdict import Continuity, Effects, MessageCounts, Verdict
from mqctl.verdict import backlog, continuity, effects, limits, messages, stops

LEAST_BEFORE = 20
"""Confirmed messages before the fault, without which nothing is known to have worked."""
LEAST_AFTER = 20
"""Confirmed messages after healing."""
_WORST_FIRST: tuple[Outcome, ...] = ("fail", "unknown", "pass")
OVERLAP = 1.0
"""Seconds for which two looks at two routers may both see the VIP while it moves."""


def judge(recorded: History) -> Verdict:
    """Everything that can be said of one scenario."""
    started = next((event for event in recorded.events if isinstance(event, history.Started)), None)
    counts, gaps, seen = messages.count(recorded), continuity.measure(recorded), effects.see(recorded)
    expect = started.expect if started else Expectation()
    measured = limits.measure(started.bounds if started else (), expect, gaps, seen)
    findings = (
        *_record(recorded, counts, gaps),
        *_messages(recorded, counts),
        *_fault(recorded, seen, expect),
        *limits.judge(measured),
        *_end(recorded, seen, expect),
    )
    return Verdict(
        run=started.run if started else "",
        scenario=started.scenario if started else "",
        outcome=overall(list(findings)),
        findings=findings,
        messages=counts,
        continuity=gaps,
        effects=seen,
        limits=measured,
        expected=expect.verdict,
        because=expect.because,
    )


def total(verdicts: Sequence[Verdict], unplayed: Sequence[str] = ()) -> Outcome:
    """The worst of several, controls by whether they failed as they should; of none: unknown, as is what an
    aborted test did not come to."""
    outcomes: set[Outcome] = {verdict.as_expected for verdict in verdicts}
    outcomes |= {"unknown"} if unplayed else set()
    return next((outcome for outcome in _WORST_FIRST if outcome in outcomes), "unknown")


def aborted(recorded: History) -> history.Aborted | None:
    """How the whole test ended before its end, when it did so here."""
    return next((event for event in recorded.events if isinstance(event, history.Aborted)), None)


def _result(gate: str, outcome: Outcome, expected: str, got: str, subject: str = "clients") -> GateResult:
    return GateResult(gate=gate, subject=subject, outcome=outcome, expected=expected, got=got)


def _record(recorded: History, counts: MessageCounts, gaps: Continuity) -> Iterator[GateResult]:
    """A record with holes proves nothing."""
    problems = [*recorded.damage[:3], *counts.contradictions[:3]]
    if recorded.truncated:
        problems.append("the last line is cut off")
    if not any(isinstance(event, history.Ended) for event in recorded.events):
        ended = aborted(recorded)
        problems.append(f"the run did not come to its end{f': {ended.reason}' if ended else ''}")
    problems += [f"{name} did not finish" for name in _unfinished(recorded)]
    problems += [f"the clock of {name} went backwards" for name in gaps.backward]
    yield _result(
        "record.complete",
        "unknown" if problems else "pass",
        "a whole history",
        "; ".join(problems) or "whole",
    )


def _unfinished(recorded: History) -> list[str]:
    started = next((event for event in recorded.events if isinstance(event, history.Started)), None)
    if started is None:
        return ["the history has no beginning and"]
    finished = {event.client for event in recorded.events if isinstance(event, history.Finished)}
    return [name for name in (*started.publishers, *started.consumers) if name not in finished]


def _messages(recorded: History, counts: MessageCounts) -> Iterator[GateResult]:
    yield _lost(recorded, counts)
    yield _result(
        "messages.unexpected",
        "fail" if counts.unexpected else "pass" if counts.delivered else "unknown",
        "only what was published",
        f"{counts.unexpected} foreign, damaged or never published",
    )
    drained = next((event for event in recorded.events if isinstance(event, history.Drained)), None)
    left = "nobody looked" if drained is None else f"{drained.left if drained.left is not None else '?'} left"
    yield _result(
        "messages.drained",
        "pass" if drained and drained.complete else "unknown",
        "every confirmed message delivered or known to be gone, queues empty",
        left,
    )


def _lost(recorded: History, counts: MessageCounts) -> GateResult:
    expected = "0 confirmed messages lost"
    where = f" ({', '.join(counts.lost_ids)})" if counts.lost_ids else ""
    if not counts.confirmed:
        return _result("messages.lost", "unknown", expected, "nothing was confirmed")
    if counts.lost and not recorded.damage:
        return _result("messages.lost", "fail", expected, f"{counts.lost} of {counts.confirmed} lost{where}")
    if counts.missing:
        got = (
            f"up to {counts.missing} of {counts.confirmed} lost{where}: not drained, or the record has holes"
        )
        return _result("messages.lost", "unknown", expected, got)
    return _result("messages.lost", "pass", expected, f"0 of {counts.confirmed} lost")


def _fault(recorded: History, seen: Effects, expect: Expectation) -> Iterator[GateResult]:
    subject = seen.host or "fault"
    yield _result(
        "fault.effect",
        "pass" if seen.evidence else "unknown",
        "the fault has an effect",
        seen.evidence or "none was observed",
        subject,
    )
    enough = (
        seen.confirmed_before >= LEAST_BEFORE
        and seen.published_during
        and seen.confirmed_after >= LEAST_AFTER
    )
    yield _result(
        "fault.load",
        "pass" if enough else "unknown",
        f">= {LEAST_BEFORE} confirmed before the fault, some published during it, >= {LEAST_AFTER} after",
        f"{seen.confirmed_before} before, {seen.published_during} during, {seen.confirmed_after} after",
    )
    if expect.moves:
        yield _moves(recorded, seen, expect.moves)
    if expect.backlog:
        yield from backlog.judge(recorded, seen.host)
    if expect.publishing == "stops":
        yield from stops.judge(recorded, seen.host)


def _moves(recorded: History, seen: Effects, role: str) -> GateResult:
    """Not seen to move although somebody looked until it was healed: fail; nobody could look: unknown."""
    kind = history.HoldersSeen if role == "vip-holder" else history.QueueSeen
    moved = seen.holder_moved if role == "vip-holder" else seen.leader_moved
    fault = next((event.t for event in recorded.events if isinstance(event, history.FaultInjected)), None)
    looks = [e for e in recorded.events if isinstance(e, kind) and fault is not None and e.t < fault]
    expected = f"{role.replace('-', ' ')} on another host"
    if moved is not None:
        return _result("fault.moves", "pass", expected, f"after {moved:.2f} s", seen.host)
    if not looks:
        return _result(
            "fault.moves", "unknown", expected, "nobody saw where it was before", seen.host or "fault"
        )
    if not any(isinstance(event, history.FaultHealed) for event in recorded.events):
        return _result("fault.moves", "unknown", expected, "not seen there before the record ends", seen.host)
    return _result("fault.moves", "fail", expected, "never seen there", seen.host)


def _end(recorded: History, seen: Effects, expect: Expectation) -> Iterator[GateResult]:
    recovered = next((event for event in recorded.events if isinstance(event, history.Recovered)), None)
    outcome: Outcome = "unknown" if recovered is None else "pass" if recovered.healthy else "fail"
    got = "nobody looked" if recovered is None else recovered.detail or "healthy"
    yield _result("cluster.recovered", outcome, "every gate passes after healing", got, "cluster")
    if any(isinstance(event, history.HoldersSeen) for event in recorded.events):
        yield _result(
            "vip.holders",
            "fail" if seen.several_holders > OVERLAP else "pass",
            f"never two VIP holders for more than {OVERLAP:g} s",
            f"{seen.several_holders:.2f} s",
            "vip",
        )
    if expect.vip_after in ("returns", "stays"):
        yield _settled(recorded, expect.vip_after)
    if expect.broker_after in ("returns", "stays"):
        yield _clients_settled(recorded, expect.broker_after)
    if any(isinstance(event, history.ConsumersSeen) for event in recorded.events):
        yield _together(recorded)


def _settled(recorded: History, where: str) -> GateResult:
    """The last look against the last one before the fault."""
    fault = next((e.t for e in recorded.events if isinstance(e, history.FaultInjected)), float("-inf"))
    looks = [event for event in recorded.events if isinstance(event, history.HoldersSeen)]
    before = next((set(look.holders) for look in reversed(looks) if look.t < fault and look.holders), set())
    after = set(looks[-1].holders) if looks else set()
    return _where_it_ended("vip.settled", before, after, where, "vip")


def _clients_settled(recorded: History, where: str) -> GateResult:
    """On which broker of a warren, in the end and before the fault."""
    fault = next((e.t for e in recorded.events if isinstance(e, history.FaultInjected)), float("-inf"))
    looks = [
        (event.t, event.leader or "") for event in recorded.events if isinstance(event, history.QueueSeen)
    ]
    before = next(({leader} for t, leader in reversed(looks) if t < fault), {""})
    after = {looks[-1][1]} if looks else {""}
    return _where_it_ended("warren.settled", before - {""}, after - {""}, where, "clients")


def _where_it_ended(gate: str, before: set[str], after: set[str], where: str, subject: str) -> GateResult:
    expected = "back where it was" if where == "returns" else "where it went, and not back"
    if not before or not after:
        return _result(gate, "unknown", expected, "nobody saw it before, or in the end", subject)
    fits = after == before if where == "returns" else after.isdisjoint(before)
    got = f"on {', '.join(sorted(after))}, before on {', '.join(sorted(before))}"
    return _result(gate, "pass" if fits else "fail", expected, got, subject)


def _together(recorded: History) -> GateResult:
    """A consumer that stays on the standby misses what comes, and takes what others should get in order."""
    seen = [event for event in recorded.events if isinstance(event, history.ConsumersSeen)][-1].brokers
    active = [event.leader for event in recorded.events if isinstance(event, history.QueueSeen)][-1:]
    where = [host for host, number in seen.items() if number]
    expected = f"all consumers on {active[0] if active and active[0] else 'one broker'}"
    got = ", ".join(f"{number} on {host}" for host, number in sorted(seen.items()))
    good = len(where) == 1 and (not active or active == where)
    return _result("warren.consumers", "pass" if good else "fail", expected, got, "clients")
