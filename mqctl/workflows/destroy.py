"""What `mqctl destroy` does: a lab goes whole; real hosts lose what mqctl put there."""

from __future__ import annotations

from dataclasses import dataclass, field

from mqctl.ansible.events import Record
from mqctl.ansible.runner import Play, run
from mqctl.errors import UsageError
from mqctl.inventory import VaultOptions, find, load
from mqctl.model.audit import Changed
from mqctl.model.topology import Topology
from mqctl.plan.make import require_answers
from mqctl.plan.removal import DATA, removal
from mqctl.probe.run import probe
from mqctl.render.bundle import render
from mqctl.workflows import lab
from mqctl.workflows.alone import Turn, alone, everywhere
from mqctl.workflows.audit import Account, audited
from mqctl.workflows.phase import Phase, Progress, run_phases
from mqctl.workflows.teller import Teller


@dataclass(frozen=True)
class Order:
    """What is to go. `confirmed` is the topology's name as the user typed it, None when nobody was asked."""

    topology: Topology
    vault: VaultOptions = field(default_factory=VaultOptions)
    confirmed: str | None = None
    data: tuple[str, ...] = ()
    """Directories that the brokers lose; empty keeps the node databases."""


def read(name_or_dir: str, vault: VaultOptions) -> Topology:
    """The inventory; raises UsageError when it is refused."""
    return load(find(name_or_dir), vault)


def order(topology: Topology, vault: VaultOptions, confirmed: str | None) -> Order:
    """Stop everything and remove what mqctl placed; the node databases stay."""
    return Order(topology, vault, confirmed)


def order_with_data(topology: Topology, vault: VaultOptions, confirmed: str | None) -> Order:
    """The same, and every queue and message with it."""
    return Order(topology, vault, confirmed, (DATA,))


def destroy(order: Order, progress: Progress) -> list[str]:
    """Do it, and say what was done, line by line.

    Raises UsageError when the typed name is not the topology's or a lab of that name is another inventory's,
    MqctlError when a host does not answer or Ansible fails.
    """
    refuse_unconfirmed(order)
    state_dir = order.topology.state_dir
    with audited("destroy", ["--data"] if order.data else []) as account:
        account.open(state_dir)
        with alone(state_dir, "destroy") as turn:
            account.succeeds(turn)
            done = _lab(order) if order.topology.lab else _hosts(order, progress, turn, account)
        account.changed = Changed(other=tuple(done))
    return done


def _lab(order: Order) -> list[str]:
    return [f"removed {what}" for what in lab.down(str(order.topology.inventory))] or ["nothing to remove"]


def _hosts(order: Order, progress: Progress, turn: Turn, account: Account) -> list[str]:
    """What Ansible did by then is written down also when it ends badly."""
    record = Record()
    try:
        with everywhere(order.topology, turn):
            run_phases(PHASES, Destruction(order, progress, record), progress)
    finally:
        account.changed = Changed(other=tuple(f"{one.host}: {one.task.lower()}" for one in record.changed))
    return told(order)


def refuse_unconfirmed(order: Order) -> None:
    """Raise UsageError unless the user typed the topology's name; for a lab nobody need be asked."""
    topology = order.topology
    if order.confirmed == topology.name or (topology.lab is not None and order.confirmed is None):
        return
    where = "is a lab" if topology.lab is not None else "runs on real hosts"
    raise UsageError(
        f"{topology.name} {where} and was not confirmed",
        f"type its name when asked, or give --yes-destroy {topology.name}",
    )


@dataclass
class Destruction:
    """What the phases know."""

    order: Order
    progress: Progress
    record: Record
    plan: dict[str, object] = field(default_factory=dict)

    def look(self) -> None:
        """All hosts must answer: one that is left out would go on as a member of nothing."""
        topology = self.order.topology
        bundles = render(topology)
        status = probe(topology, bundles)
        require_answers(status, [host.name for host in topology.hosts])
        self.plan = removal(topology, bundles, status, self.order.data)

    def remove(self) -> None:
        """With Ansible, the entrance first."""
        play = Play("destroy.yml", self.order.topology.inventory, self.order.vault.argv())
        run(play, self.plan, Teller(self.progress, self.record))


PHASES = (
    Phase("Look at the hosts", Destruction.look),
    Phase("Stop and remove with Ansible", Destruction.remove),
)


def told(order: Order) -> list[str]:
    """What is gone, and what is still there."""
    sites = order.topology.sites
    places = " and ".join(dict.fromkeys(site.shared_dir or DATA for site in sites))
    kept = "the node databases were deleted" if order.data else f"the node databases are still in {places}"
    return [
        "keepalived, haproxy and rabbitmq-server are stopped and disabled; their packages stay",
        "mqctl's files and its lines in /etc/hosts are gone",
        kept,
    ]
