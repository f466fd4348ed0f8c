"""What `mqctl topologies` and `mqctl graph` do: inventories described and drawn. No host is asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mqctl import share
from mqctl.errors import UsageError
from mqctl.inventory import VaultOptions, find
from mqctl.inventory.load import fits, read
from mqctl.model.base import Model
from mqctl.model.draft import Draft
from mqctl.model.survival import survival
from mqctl.model.versions import DEBIAN
from mqctl.render import engine
from mqctl.render.context.graph import graph

TEMPLATES = {"svg": "topology/graph.svg.j2", "mermaid": "topology/graph.mmd.j2"}
EXAMPLE = "example"
"""The commented reference is no topology of its own."""
_CATALOGUE = "topologies.json"


class Described(Model):
    """A topology in words."""

    name: str
    about: str
    """The first sentence of its hosts.yml."""
    hosts: str
    survives: tuple[str, ...]
    loses: tuple[str, ...]
    lines: tuple[str, ...]
    """The RabbitMQ lines that it can run on; site by site where no line has what all sites ask for."""

    @property
    def first(self) -> str:
        """The most important thing that it survives."""
        return self.survives[0]

    @property
    def runs_on(self) -> str:
        """The lines as a list to read."""
        return ", ".join(self.lines)


@dataclass(frozen=True)
class Page:
    """What docs/topologies.md is printed from."""

    topologies: tuple[Described, ...]


def catalogue() -> tuple[Described, ...]:
    """The bundled topologies, as described before: to read every inventory takes seconds."""
    text = (share.root() / "inventories" / _CATALOGUE).read_text(encoding="utf-8")
    return tuple(Described.model_validate(one) for one in json.loads(text))


def as_json(topologies: Sequence[Described]) -> str:
    """The catalogue's file."""
    return json.dumps([one.model_dump() for one in topologies], indent=2, ensure_ascii=False) + "\n"


def page(topologies: Sequence[Described]) -> str:
    """docs/topologies.md."""
    return engine.text("topology/page.md.j2", Page(tuple(topologies)))


def describe(path: Path) -> Described:
    """An inventory in words; raises like `inventory.load`, but needs no secrets."""
    draft = read(path, VaultOptions()).draft
    told = survival(draft)
    return Described(
        name=path.name,
        about=_about(path),
        hosts=_hosts(draft),
        survives=told.survives,
        loses=told.loses,
        lines=_lines(path, draft),
    )


def draw(name_or_dir: str, form: str, vault: VaultOptions | None = None) -> str:
    """The topology as SVG or Mermaid; raises UsageError for another form, and like `inventory.load`."""
    if form not in TEMPLATES:
        raise UsageError(f"no format {form}", f"there are {', '.join(TEMPLATES)}")
    path = find(name_or_dir)
    name = path.name if path.is_dir() else path.parent.name
    return picture(name, read(path, vault or VaultOptions()).draft, form)


def picture(name: str, draft: Draft, form: str) -> str:
    """The draft as text of that form."""
    return engine.text(TEMPLATES[form], graph(name, draft))


def save(text: str, out: Path) -> None:
    """Raises UsageError for a place that cannot be written."""
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}", "choose another file") from None


def _lines(path: Path, draft: Draft) -> tuple[str, ...]:
    common = tuple(DEBIAN[release] for release, fit in fits(path, VaultOptions()).items() if fit)
    first = [site.hosts[0] for site in draft.sites]
    return common or tuple(f"{DEBIAN[host.lab.image]} ({host.site})" for host in first if host.lab)


def _about(path: Path) -> str:
    """The first sentence of the comment at the top of hosts.yml."""
    written = (path / "hosts.yml").read_text(encoding="utf-8").splitlines()
    heading = " ".join(line.lstrip("# ") for line in written[: _code(written)])
    return heading.split(". ")[0].rstrip(".")


def _code(written: Sequence[str]) -> int:
    return next((number for number, line in enumerate(written) if not line.startswith("#")), len(written))


def _hosts(draft: Draft) -> str:
    balancers = {host.name for host, _ in draft.balancers} | {host.name for host, _ in draft.routers}
    counted = ((len(draft.brokers), "broker"), (len(balancers), "load balancer"))
    text = ", ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in counted if count)
    return f"{len(draft.sites)} sites: {text}" if len(draft.sites) > 1 else text
