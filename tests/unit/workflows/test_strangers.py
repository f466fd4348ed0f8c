"""A member of the cluster that the inventory no longer names: said, asked about, never passed over."""

from __future__ import annotations

import sys

import pytest
import typer

from mqctl.cli.deploy import asking
from mqctl.cli.plan_view import lines
from mqctl.cli.progress import Printer
from mqctl.errors import ExitCode, UsageError
from mqctl.model.changes import PackageChange, Plan, Stranger
from mqctl.workflows.strangers import never, require_consent

OLD = Stranger(node="rabbit@mq3", cluster="prod", running=True, ask="mq1")
DOWN = Stranger(node="rabbit@mq4", cluster="prod", running=False, ask="mq1")
WORK = (PackageChange(host="mq1", package="haproxy", candidate=None),)


def plan(*strangers: Stranger, work: bool = True) -> Plan:
    return Plan(topology="prod", strangers=strangers, packages=WORK if work else ())


def test_without_a_yes_nothing_is_done() -> None:
    with pytest.raises(UsageError) as caught:
        require_consent(plan(OLD), accepted=False, ask=never)
    assert caught.value.exit_code == ExitCode.REFUSED
    assert caught.value.message == (
        "rabbit@mq3 runs as a member of cluster prod, and the inventory does not name it"
    )
    assert caught.value.hint == (
        "mqctl removes no member. To keep it, put its host into the inventory again.\n"
        "To remove it, when every queue has a copy elsewhere (mqctl status):\n"
        "  systemctl disable --now rabbitmq-server on mq3, then on mq1: rabbitmq-queues shrink rabbit@mq3; "
        "rabbitmqctl forget_cluster_node rabbit@mq3\n"
        "To go on while it stays a member: --accept-removed"
    )


def test_one_that_is_down_needs_not_be_stopped() -> None:
    with pytest.raises(UsageError) as caught:
        require_consent(plan(DOWN), accepted=False)
    assert caught.value.message == (
        "rabbit@mq4 is down, and still a member of cluster prod, and the inventory does not name it"
    )
    assert "systemctl" not in caught.value.hint


def test_every_one_is_told() -> None:
    with pytest.raises(UsageError) as caught:
        require_consent(plan(OLD, DOWN), accepted=False)
    assert len(caught.value.message.splitlines()) == 2
    assert "while they stay members" in caught.value.hint


def test_the_option_and_a_yes_go_on() -> None:
    require_consent(plan(OLD), accepted=True)
    require_consent(plan(OLD), accepted=False, ask=lambda strangers: strangers == (OLD,))


def test_where_nothing_is_done_nobody_is_asked() -> None:
    def ask(strangers: object) -> bool:
        raise AssertionError(strangers)

    require_consent(plan(OLD, work=False), accepted=False, ask=ask)
    require_consent(plan(), accepted=False, ask=ask)


def test_the_plan_says_so_and_is_not_everything_is_well() -> None:
    said = [text for text, _ in lines(plan(OLD, work=False), ["mq1"], diff=True)]
    assert said == [
        "! rabbit@mq3 runs as a member of cluster prod, and the inventory does not name it",
        "no changes, but not everything is as the inventory wants it",
    ]


@pytest.mark.parametrize("answer", [True, False])
def test_a_terminal_is_asked(
    answer: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda question, **_: answer)
    with Printer() as progress:
        assert asking(progress)((OLD,)) is answer
    assert "mqctl removes no member" in capsys.readouterr().err


def test_nobody_at_a_terminal_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: pytest.fail("asked"))
    with Printer() as progress:
        assert asking(progress)((OLD,)) is False
