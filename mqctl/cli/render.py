"""`mqctl render`: the exact files that the hosts get, on the screen or in a directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mqctl.cli.options import INVENTORY, VAULT
from mqctl.cli.say import say
from mqctl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqctl.model.bundle import FileSpec, HostBundle

_OUT = typer.Option(
    None,
    "--out",
    metavar="DIR",
    help="Write the files below DIR/HOST/, secrets included, readable by you only.",
)
_DIFF = typer.Option(False, "--diff", help="Show what --out would change in DIR, and write nothing.")
_HOST = typer.Option(None, "--host", metavar="HOST", help="Only this host; can be given several times.")
_COMPONENT = typer.Option(
    None,
    "--component",
    metavar="NAME",
    help="Only hosts, firewall, rabbitmq, haproxy or keepalived; repeatable.",
)
_JSON = typer.Option(False, "--json", help="Print JSON; secrets are masked.")


def render(
    inventory: str = INVENTORY,
    out: Path = _OUT,
    diff: bool = _DIFF,
    host: list[str] = _HOST,
    component: list[str] = _COMPONENT,
    as_json: bool = _JSON,
    vault_password_file: Path = VAULT,
) -> None:
    """Show the files that the hosts get, secrets masked. Asks no host anything."""
    from mqctl.inventory import VaultOptions
    from mqctl.workflows import bundle_directory
    from mqctl.workflows.render import render as render_inventory

    if diff and out is None:
        raise UsageError("--diff needs --out DIR", "mqctl plan shows the differences to the hosts themselves")
    bundles = render_inventory(inventory, VaultOptions(vault_password_file), host or None, component or None)
    if diff:
        for change in bundle_directory.differences(out, bundles):
            say(change, nl=False)
    elif out is not None:
        written = bundle_directory.write(out, bundles)
        say(f"wrote {len(written)} files of {len(bundles)} hosts below {out}", err=as_json)
    if as_json:
        say(json.dumps(_document(bundles), indent=2, ensure_ascii=False))
    elif out is None:
        _print(bundles)


def _print(bundles: Mapping[str, HostBundle]) -> None:
    for bundle in bundles.values():
        for spec in bundle.files:
            say(_heading(bundle.host, spec))
            say(_masked(spec), nl=False)
            say()


def _heading(host: str, spec: FileSpec) -> str:
    if spec.kind == "absent":
        return f"==> {host}:{spec.path}  must not exist"
    block = "  managed block" if spec.kind == "block" else ""
    return f"==> {host}:{spec.path}  {spec.owner}:{spec.group} {spec.mode}{block}"


def _masked(spec: FileSpec) -> str:
    from mqctl.model.base import reveal
    from mqctl.model.diff import MASK, mask

    if spec.kind == "absent":
        return ""
    if spec.secrecy == "secret":
        return f"{MASK}\n"
    content = reveal(spec.content)
    return mask(content, spec.masks) if spec.secrecy == "masked" else content


def _document(bundles: Mapping[str, HostBundle]) -> dict[str, Any]:
    return {
        host: {
            "packages": list(bundle.packages),
            "services": [service.unit for service in bundle.services],
            "files": [_entry(spec) for spec in bundle.files],
        }
        for host, bundle in bundles.items()
    }


def _entry(spec: FileSpec) -> dict[str, Any]:
    entry: dict[str, Any] = {"path": spec.path, "component": spec.component, "kind": spec.kind}
    if spec.kind != "absent":
        entry |= {"owner": spec.owner, "group": spec.group, "mode": spec.mode}
        entry |= {"validator": list(spec.validator), "content": _masked(spec)}
    return entry | {"effects": list(spec.effects)}
