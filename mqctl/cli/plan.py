"""`mqctl plan`: what would change, from one probe round trip per host."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from mqctl.cli.options import INVENTORY, LIMIT, VAULT
from mqctl.cli.say import say
from mqctl.errors import ExitCode, UsageError

_EXIT_CODE = typer.Option(False, "--exit-code", help="Exit with 5 when there are changes.")
_DIFF = typer.Option(True, "--diff/--no-diff", help="Show what changes inside files.")
_FOR_ANSIBLE = typer.Option(False, "--for-ansible", hidden=True)
_ACCEPT = typer.Option(False, "--accept-removed", hidden=True)
"""Only for what Ansible does with the plan: `mqctl plan` itself changes nothing."""


def plan(
    inventory: str = INVENTORY,
    limit: str = LIMIT,
    diff: bool = _DIFF,
    as_json: bool = typer.Option(False, "--json", help="Print JSON; secrets are masked."),
    exit_code: bool = _EXIT_CODE,
    vault_password_file: Path = VAULT,
    for_ansible: bool = _FOR_ANSIBLE,
    accept_removed: bool = _ACCEPT,
) -> int:
    """Show what would change: files, packages, services, membership, broker objects. Changes nothing."""
    from mqctl.cli.plan_view import as_document, show
    from mqctl.inventory import VaultOptions
    from mqctl.workflows.plan import plan as make_plan

    if for_ansible:
        _refuse_terminal()
    planned = make_plan(inventory, VaultOptions(vault_password_file), limit)
    if for_ansible:
        from mqctl.workflows.strangers import require_consent

        require_consent(planned.plan, accept_removed)
        from mqctl.plan import for_ansible as document

        say(json.dumps(document(planned.plan, planned.topology, planned.status)))
    elif as_json:
        say(json.dumps(as_document(planned.plan), indent=2, ensure_ascii=False))
    else:
        show(planned.plan, planned.topology, diff)
    return int(ExitCode.CHANGES if exit_code and not planned.plan.empty else ExitCode.DONE)


def _refuse_terminal() -> None:
    """That document carries every secret: it is for playbooks/site.yml to read, not for a screen."""
    if sys.stdout.isatty():
        raise UsageError("--for-ansible prints secrets", "it is for playbooks/site.yml; use --json to look")
