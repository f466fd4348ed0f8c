"""The commands, wired. Modules of commands are light: what a command needs is imported when it runs."""

from __future__ import annotations

import typer

from mqctl import __version__
from mqctl.cli.say import say


def build() -> typer.Typer:
    """The whole application."""
    from mqctl.cli import lab, queues, secrets
    from mqctl.cli.audit import audit
    from mqctl.cli.check import check
    from mqctl.cli.deploy import deploy
    from mqctl.cli.destroy import destroy
    from mqctl.cli.failover_test import failover_test
    from mqctl.cli.heal import heal
    from mqctl.cli.init import init
    from mqctl.cli.plan import plan
    from mqctl.cli.render import render
    from mqctl.cli.status import status
    from mqctl.cli.topologies import graph, topologies
    from mqctl.cli.verify import verify

    app = typer.Typer(
        name="mqctl",
        help="RabbitMQ high availability that you can prove.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    looks = (render, check, plan, status, verify, audit, topologies, graph)
    for command in (init, deploy, failover_test, heal, destroy, *looks):
        app.command()(command)
    app.add_typer(lab.app, name="lab")
    app.add_typer(queues.app, name="queues")
    app.add_typer(secrets.app, name="secrets")
    return app


def _options(
    version: bool = typer.Option(
        False,
        "--version",
        help="Print the version and exit.",
        callback=lambda wanted: _version(wanted),
        is_eager=True,
    ),
) -> None:
    del version


def _version(wanted: bool) -> None:
    if wanted:
        say(f"mqctl {__version__}")
        raise typer.Exit
