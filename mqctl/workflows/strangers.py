"""Members of a running cluster that the inventory does not name: told, never removed, never passed over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mqctl.errors import UsageError
from mqctl.model.changes import Plan, Stranger

Ask = Callable[[Sequence[Stranger]], bool]
"""Whether the person wants to go on beside them."""


def never(strangers: Sequence[Stranger]) -> bool:
    """Nobody is there to be asked."""
    del strangers
    return False


def told(stranger: Stranger) -> str:
    """One sentence."""
    state = "runs as" if stranger.running else "is down, and"
    member = "a member" if stranger.running else "still a member"
    of = f"of cluster {stranger.cluster}"
    return f"{stranger.node} {state} {member} {of}, and the inventory does not name it"


def removal(stranger: Stranger) -> str:
    """The commands that remove it, of which mqctl runs none (RabbitMQ guide "Clustering").

    A quorum queue may count a forgotten node as a member until it is shrunk.
    """
    host = stranger.node.partition("@")[2]
    stop = f"systemctl disable --now rabbitmq-server on {host}, then " if stranger.running else ""
    return (
        f"{stop}on {stranger.ask}: rabbitmq-queues shrink {stranger.node}; "
        f"rabbitmqctl forget_cluster_node {stranger.node}"
    )


def require_consent(plan: Plan, accepted: bool, ask: Ask = never) -> None:
    """Raise UsageError unless there is nothing to do, no stranger, or the person goes on beside them."""
    if plan.empty or not plan.strangers or accepted or ask(plan.strangers):
        return
    raise UsageError("\n".join(told(one) for one in plan.strangers), advice(plan.strangers))


def advice(strangers: Sequence[Stranger]) -> str:
    """What can be done about them."""
    it, its = ("it", "its host") if len(strangers) == 1 else ("them", "their hosts")
    return "\n".join(
        [
            f"mqctl removes no member. To keep {it}, put {its} into the inventory again.",
            f"To remove {it}, when every queue has a copy elsewhere (mqctl status):",
            *(f"  {removal(one)}" for one in strangers),
            f"To go on while {'it stays a member' if len(strangers) == 1 else 'they stay members'}: "
            "--accept-removed",
        ]
    )
