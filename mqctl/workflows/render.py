"""What `mqctl render` does: read, render, choose, and write into a directory when asked to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import get_args

from mqctl.errors import UsageError
from mqctl.inventory import VaultOptions, ensure, find
from mqctl.model.bundle import Component, HostBundle
from mqctl.render.bundle import render as render_topology

COMPONENTS: tuple[str, ...] = get_args(Component)


def render(
    name_or_dir: str,
    vault: VaultOptions | None = None,
    hosts: Collection[str] | None = None,
    components: Collection[str] | None = None,
) -> dict[str, HostBundle]:
    """The bundles of an inventory, all of them or of these hosts, whole or these components' files.

    Missing secrets are generated beside the inventory first. Raises UsageError for what is not there.
    """
    return select(render_topology(ensure(find(name_or_dir), vault)), hosts, components)


def select(
    bundles: Mapping[str, HostBundle], hosts: Collection[str] | None, components: Collection[str] | None
) -> dict[str, HostBundle]:
    """These hosts and components, None for all. UsageError for unknown ones, none, or no file left."""
    _known("--host", hosts, tuple(bundles))
    _known("--component", components, COMPONENTS)
    chosen = {name: bundle for name, bundle in bundles.items() if hosts is None or name in hosts}
    narrowed = {name: _narrowed(bundle, components) for name, bundle in chosen.items()}
    left = {name: bundle for name, bundle in narrowed.items() if bundle.files}
    if not left:
        raise UsageError(
            f"no file of {', '.join(components or ())} on {', '.join(chosen)}",
            "leave out --host or --component",
        )
    return left


def _narrowed(bundle: HostBundle, components: Collection[str] | None) -> HostBundle:
    if components is None:
        return bundle
    files = tuple(spec for spec in bundle.files if spec.component in components)
    return bundle.model_copy(update={"files": files})


def _known(option: str, given: Collection[str] | None, known: Collection[str]) -> None:
    """An option that names nothing must not come to mean everything."""
    if given is None:
        return
    unknown = [name for name in given if name not in known]
    if unknown or not given:
        named = ", ".join(repr(name) for name in unknown) or "nothing"
        raise UsageError(f"{option} names {named}", f"there are {', '.join(known)}")
