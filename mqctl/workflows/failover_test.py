"""`mqctl failover-test`: a healthy cluster, one scenario after the other under load, a verdict for each."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from mqctl import inventory
from mqctl.errors import EXIT, GateError, InconclusiveError, MqctlError, UsageError
from mqctl.faults import scenarios, targets
from mqctl.faults.scenarios import Choice
from mqctl.faults.site_links import SiteLink, site_links
from mqctl.inventory import last
from mqctl.model.audit import Changed, together
from mqctl.model.base import Model
from mqctl.model.gate import Outcome, overall
from mqctl.model.history import Aborted, Asked, Started
from mqctl.model.scenario import Scenario
from mqctl.model.topology import Topology
from mqctl.model.verdict import Verdict
from mqctl.model.workload import Endpoint, WorkloadSettings
from mqctl.ssh import Hosts
from mqctl.verdict.judge import aborted, judge, total
from mqctl.workflows.alone import alone, everywhere
from mqctl.workflows.audit import Account, audited
from mqctl.workflows.heal import heal, wake
from mqctl.workflows.link_stage import link_stage, site_stage
from mqctl.workflows.repeat import options
from mqctl.workflows.scenario import Report, Run
from mqctl.workflows.stage import Stage
from mqctl.workload import journal
from mqctl.workload.journal import Journal

_AMQP = 5672
_ENDPOINT = re.compile(r"([^:\[\]]+|\[[^\[\]]*:[^\[\]]*\])(?::([0-9]+))?")
"""A name, an IPv4 address or an IPv6 address in brackets, and a port."""
_NO_VAULT = inventory.VaultOptions()
_SSH = 3.0
"""Seconds for each step of an SSH login."""


class FailoverReport(Model):
    """All scenarios of one test, and the judgement over all of them."""

    topology: str
    run: str
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    histories: tuple[Path, ...]
    not_run: tuple[str, ...] = ()
    """Scenarios that this topology has no target for, or that came after a cluster that did not recover."""
    leftovers: tuple[str, ...] = ()
    """Queues that could not be removed."""
    aborted: str = ""
    """Why the test ended before its end; what it did not come to is unknown."""
    unplayed: tuple[str, ...] = ()
    """Scenarios that an aborted test did not come to."""

    @property
    def directory(self) -> Path | None:
        """Where the report goes when nobody says otherwise: `<run>` beside the histories."""
        return self.histories[0].parent / self.run if self.histories else None


def load(name_or_dir: str | None, vault_password_file: Path | None, yes: bool) -> Topology:
    """The topology to test; raises UsageError for real hosts unless the person said yes."""
    path = inventory.find(name_or_dir) if name_or_dir else last.recall()
    topology = inventory.load(path, inventory.VaultOptions(vault_password_file))
    if topology.lab is None and not yes:
        raise UsageError(
            f"{topology.name} is not a lab: this test kills brokers and load balancers of real hosts",
            "say --yes when that is what you want",
        )
    return topology


def endpoints(topology: Topology, text: str) -> tuple[Endpoint, ...]:
    """`mq1,mq2:5673,192.0.2.7,[2001:db8::7]:5673` as addresses and ports; raises UsageError for what is none
    of these."""
    return tuple(_endpoint(topology, part.strip()) for part in text.split(",") if part.strip())


def _endpoint(topology: Topology, text: str) -> Endpoint:
    try:
        name, port = _host_and_port(text)
        known = next((host for host in topology.hosts if host.name == name), None)
        host = str(known.address if known else ip_address(name))
        default = topology.amqp(known.broker.settings.port if known and known.broker else _AMQP)
        return Endpoint(host=host, port=int(port) if port else default)
    except ValueError:
        names = ", ".join(host.name for host in topology.hosts)
        raise UsageError(
            f"no endpoint {text}", f"give hosts ({names}) or addresses, with :PORT when it is not {_AMQP}"
        ) from None


def _host_and_port(text: str) -> tuple[str, str]:
    """An empty port: the default one. Only an IPv6 address may lack brackets, and then has no port."""
    found = _ENDPOINT.fullmatch(f"[{text}]" if text.count(":") > 1 and "[" not in text else text)
    if found is None:
        raise ValueError(text)
    return found[1].strip("[]"), found[2] or ""


def failover_test(
    topology: Topology,
    settings: WorkloadSettings,
    choice: Choice,
    directory: Path | None,
    report: Report,
    vault: inventory.VaultOptions = _NO_VAULT,
    site: str = "",
) -> FailoverReport:
    """Plays the chosen scenarios that have a target, and judges each; of several sites all, or only `site`.

    Histories go to `directory`, by default `.mqctl/failover` beside the inventory. Raises GateError when the
    cluster is not healthy to begin with, InconclusiveError when that cannot be told. An error or a Ctrl-C
    goes through as long as no scenario is finished; later it ends the test, which reports what was finished.
    """
    acts, skipped = arranged(topology, choice, site)
    course = _Course(acts, str(choice.directory or ""))
    names = [option for act in acts for option in ("--scenario", act.scenario.name)]
    with (
        audited("failover-test", names) as account,
        _stage(topology, directory, vault, "failover-test", account) as stage,
    ):
        try:
            account.changed = _healed(heal(stage))
            _require_health(stage)
            clean(stage)
            course.play(stage, settings, report)
        finally:
            played = (f"scenario {one.scenario}: {one.outcome}" for one in course.verdicts)
            account.changed = together([account.changed, Changed(other=tuple(played))])
            account.not_done = Changed(other=tuple(f"scenario {act.scenario.name}" for act in course.left))
        account.exit_code = EXIT[total(course.verdicts, course.unplayed)]
    unplayed = tuple(act.scenario.name for act in course.left)
    return FailoverReport(
        topology=topology.name,
        run=stage.run,
        outcome=total(course.verdicts, course.unplayed),
        verdicts=tuple(course.verdicts),
        histories=tuple(course.histories),
        not_run=(*skipped, *(unplayed if not course.aborted else ())),
        leftovers=tuple(stage.leftovers),
        aborted=course.aborted,
        unplayed=course.unplayed,
    )


def clean(stage: Stage) -> None:
    """Removes what interrupted tests left at any site, shovels first: they would make their queues again."""
    stage.clear_shovels()
    for site in stage.topology.sites:
        site_stage(stage, site).clean()


@dataclass(frozen=True)
class Act:
    """A scenario and where it plays."""

    scenario: Scenario
    site: Topology
    """Whose clients are judged."""
    of: str
    """The scenario's own name: the site's may stand before it."""
    link: SiteLink | None = None

    def on(self, whole: Stage) -> Stage:
        """Its part of the stage."""
        if self.link is None or self.scenario.clients == "at-one-site":
            return whole if whole.topology is self.site else site_stage(whole, self.site)
        return link_stage(whole, self.link, self.scenario.clients)


@dataclass
class _Course:
    """How far a test has come."""

    left: list[Act]
    own: str = ""
    """The directory of a person's own scenarios."""
    histories: list[Path] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    aborted: str = ""

    @property
    def unplayed(self) -> tuple[str, ...]:
        """What an aborted test did not come to."""
        return tuple(act.scenario.name for act in self.left) if self.aborted else ()

    def play(self, stage: Stage, settings: WorkloadSettings, report: Report) -> None:
        """One scenario after the other, as long as the cluster recovers and nothing ends the test."""
        while self.left and not self.aborted and all(map(_recovered, self.verdicts)):
            act = self.left.pop(0)
            run = Run(act.on(stage), act.scenario, settings, report, self._asked(act, stage, settings))
            try:
                run.play()
            except (KeyboardInterrupt, MqctlError) as end:
                if not self.verdicts:
                    raise
                self._abort(run.path, end)
            self.histories.append(run.path)
            self.verdicts.append(judge(journal.read(run.path)))

    def _asked(self, act: Act, stage: Stage, settings: WorkloadSettings) -> Asked:
        return Asked(
            inventory=stage.topology.name,
            scenario=act.of,
            site=act.site.site.name,
            scenarios=self.own,
            options=options(settings, stage.topology),
        )

    def _abort(self, path: Path, end: BaseException) -> None:
        """Into the history too, so that a replay says the same."""
        self.aborted = end.message if isinstance(end, MqctlError) else "interrupted"
        record = Journal(path)
        names = {act.scenario.name: act.of for act in self.left}
        own = {name: of for name, of in names.items() if name != of}
        record.write(Aborted(reason=self.aborted, left=tuple(names), own=own))
        record.close()


def listed(choice: Choice) -> tuple[Scenario, ...]:
    """What `--list` explains. Raises UsageError for an unknown name."""
    return scenarios.listed(choice)


def replay(paths: Sequence[Path]) -> FailoverReport:
    """Judges histories again."""
    played = [journal.read(path) for path in paths]
    verdicts = tuple(judge(recorded) for recorded in played)
    starts = [event for recorded in played for event in recorded.events if isinstance(event, Started)]
    ends = [end for recorded in played if (end := aborted(recorded))]
    unplayed = tuple(name for end in ends for name in end.left)
    return FailoverReport(
        topology=starts[0].request.inventory if starts else "",
        run=verdicts[0].run,
        outcome=total(verdicts, unplayed),
        verdicts=verdicts,
        histories=tuple(paths),
        aborted="; ".join(end.reason for end in ends),
        unplayed=unplayed,
    )


def heal_all(topology: Topology, vault: inventory.VaultOptions = _NO_VAULT) -> tuple[str, ...]:
    """`mqctl heal`: puts right what a test left, and wakes brokers that stay down; says what it did."""
    with audited("heal") as account, _stage(topology, None, vault, "heal", account) as stage:
        healed = heal(stage) or wake(stage)
        account.changed = _healed(healed)
    return healed


def _healed(what: Sequence[str]) -> Changed:
    return Changed(other=tuple(f"healed {one}" for one in what))


def applicable(topology: Topology, choice: Choice) -> tuple[list[Scenario], list[str]]:
    """The scenarios to play and the names of those without a target; raises UsageError for a named one.

    When the person chose none, the inventory's `mqctl_scenarios` are named.
    """
    choice = choice.or_else(topology.scenarios, "mqctl_scenarios")
    chosen = scenarios.choose(choice)
    lacks = {item.name: lack for item in chosen if (lack := targets.missing(item, topology))}
    if choice.names and lacks:
        name, lack = next(iter(lacks.items()))
        raise UsageError(f"scenario {name} needs {lack}", "leave it out, or choose another topology")
    return [item for item in chosen if item.name not in lacks], list(lacks)


def arranged(topology: Topology, choice: Choice, site: str = "") -> tuple[list[Act], list[str]]:
    """The scenarios to play with their places, and the names of those without one.

    Of several sites each plays its own, and each link's downstream site those of the link; they have the
    sites' names before theirs. Raises UsageError for a named scenario without a place, or an unknown site.
    """
    names = [one.site.name for one in topology.sites if one.site.name]
    if site and site not in names:
        raise UsageError(f"{topology.name} has no site {site}", f"its sites are {', '.join(names) or 'none'}")
    if len(topology.sites) == 1:
        chosen, skipped = applicable(topology, choice)
        return [Act(scenario, topology, scenario.name) for scenario in chosen], skipped
    choice = choice.or_else(topology.scenarios, "mqctl_scenarios")
    chosen = list(scenarios.choose(choice))
    acts = [act for act in _acts(topology, chosen) if site in ("", act.site.site.name)]
    played = {act.of for act in acts}
    skipped = [scenario.name for scenario in chosen if scenario.name not in played]
    if choice.names and skipped:
        where = f"site {site} of {topology.name}" if site else topology.name
        raise UsageError(f"scenario {skipped[0]} has no place in {where}", "leave it out, or choose another")
    return acts, skipped


def _acts(topology: Topology, chosen: Sequence[Scenario]) -> Iterator[Act]:
    for one in topology.sites:
        for scenario in chosen:
            if scenario.clients == "at-one-site" and targets.missing(scenario, one) is None:
                yield Act(_renamed(scenario, one.site.name), one, scenario.name)
    for link in site_links(topology):
        for scenario in chosen:
            if scenario.clients != "at-one-site":
                prefix = f"{link.downstream.site.name}-from-{link.upstream.site.name}"
                yield Act(_renamed(scenario, prefix), link.downstream, scenario.name, link)


def _renamed(scenario: Scenario, prefix: str) -> Scenario:
    return scenario.model_copy(update={"name": f"{prefix}-{scenario.name}"})


@contextmanager
def _stage(
    topology: Topology, directory: Path | None, vault: inventory.VaultOptions, what: str, account: Account
) -> Iterator[Stage]:
    histories = directory or topology.state_dir / "failover"
    histories.mkdir(parents=True, exist_ok=True)
    account.open(topology.state_dir)
    run = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    with (
        alone(topology.state_dir, what) as turn,
        everywhere(topology, turn, _SSH),
        Hosts.of(topology, _SSH) as hosts,
        Hosts.of(topology, _SSH) as watchers,
    ):
        account.succeeds(turn)
        yield Stage(topology, run, histories.resolve(), hosts, watchers, vault)


def _require_health(stage: Stage) -> None:
    results = stage.gates()
    outcome = overall(results)
    if outcome == "pass":
        return
    bad = next((result for result in results if result.outcome == outcome), None)
    what = f"{bad.gate} of {bad.subject}: expected {bad.expected}, got {bad.got}" if bad else "no gate"
    kind = GateError if outcome == "fail" else InconclusiveError
    raise kind(
        f"the cluster is not known to be healthy, nothing was broken: {what}",
        "`mqctl verify` shows every gate",
    )


def _recovered(verdict: Verdict) -> bool:
    return not any(f.gate == "cluster.recovered" and f.outcome == "fail" for f in verdict.findings)
