"""Write tests/golden/TOPOLOGY/HOST/... and what is generated from the bundled inventories anew.

`python -m tests.golden.refresh`, then read the diff.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from mqctl.inventory import bundled
from mqctl.model.base import reveal
from mqctl.model.bundle import HostBundle
from mqctl.model.topology import Topology
from mqctl.render.brokers import CONF_CHECK
from mqctl.render.bundle import render
from mqctl.workflows import topologies as catalogue
from tests import inventories, nasty, topologies

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

TOPOLOGIES: dict[str, Callable[[], Topology]] = {
    "mirrored-3node": topologies.mirrored_3node,
    "mirrored-3node-classic": lambda: topologies.mirrored_3node({"config_format": "classic"}),
    "mirrored-3node-walled": lambda: topologies.walled(topologies.mirrored_3node()),
    "mirrored-3node-tls": lambda: topologies.secured(topologies.mirrored_3node()),
    "standalone": topologies.standalone,
    "disc-ram": topologies.disc_ram,
    "warren": topologies.warren,
    "warren-staying": lambda: topologies.warren({"failback": False}),
    "warren-shared": topologies.warren_shared,
    "variants": nasty.variants,
    "evil-conf": lambda: nasty.evil_conf("3.8"),
    "evil-terms": lambda: nasty.evil_terms("3.10"),
    "ipv6": nasty.six,
}


FIRST_ONLY = ("mq1", "mq4", "lb1")
"""Of the variations one host of each kind is enough; mq4 is a RAM node."""


def files(bundle: HostBundle) -> dict[str, str]:
    """Content by path below the host's directory, with everything else about the files in `bundle.json`."""
    contents = {
        spec.path.lstrip("/"): reveal(spec.content)
        for spec in bundle.files
        if spec.kind != "absent" and spec.path != CONF_CHECK
    }
    facts = bundle.model_dump(mode="json")
    for spec in facts["files"]:
        del spec["content"]
    return {**contents, "bundle.json": json.dumps(facts, indent=1, ensure_ascii=False) + "\n"}


def written(topology: str) -> dict[str, str]:
    """What lies there now: content by HOST/path."""
    top = HERE / topology
    return {
        str(path.relative_to(top)): path.read_bytes().decode() for path in top.rglob("*") if path.is_file()
    }


def rendered(topology: str) -> dict[str, str]:
    """What should lie there: content by HOST/path."""
    return {
        f"{host}/{path}": content
        for host, bundle in render(TOPOLOGIES[topology]()).items()
        if topology == "mirrored-3node" or host.partition(".")[0] in FIRST_ONLY
        for path, content in files(bundle).items()
    }


def refresh() -> None:
    """Replace all of it."""
    for topology in TOPOLOGIES:
        shutil.rmtree(HERE / topology, ignore_errors=True)
        for name, content in rendered(topology).items():
            target = HERE / topology / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8", newline="")


def pages() -> dict[Path, str]:
    """What docs/ and inventories/ hold about the bundled topologies: content by path."""
    paths = [inventories.ready(name) for name in bundled() if name != catalogue.EXAMPLE]
    described = [catalogue.describe(path) for path in paths]
    pictures = {
        ROOT / "docs" / "topologies" / f"{path.name}.svg": catalogue.draw(str(path), "svg") for path in paths
    }
    return {
        ROOT / "inventories" / "topologies.json": catalogue.as_json(described),
        ROOT / "docs" / "topologies.md": catalogue.page(described),
        **pictures,
    }


def refresh_pages() -> None:
    """Replace them; pictures of topologies that are gone go too."""
    shutil.rmtree(ROOT / "docs" / "topologies", ignore_errors=True)
    (ROOT / "docs" / "topologies").mkdir()
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    refresh()
    refresh_pages()
