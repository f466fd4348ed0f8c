"""The rules that settings must keep together: one small pure function each, over the whole draft.

Structural rules always hold. Risks can be taken on purpose: `mqctl_accept` lists their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches

from mqctl.model.draft import Draft
from mqctl.model.problem import Problem
from mqctl.model.rules import (
    arguments,
    cluster,
    firewall,
    haproxy,
    hosts,
    keepalived,
    links,
    mirroring,
    objectives,
    objects,
    patterns,
    shared,
    sites,
    tls,
    versions,
)

Rule = Callable[[Draft], Iterable[Problem]]

RISKS: Mapping[str, Rule] = {
    **cluster.RISKS,
    **firewall.RISKS,
    **haproxy.RISKS,
    **keepalived.RISKS,
    **mirroring.RISKS,
    **objectives.RISKS,
    **objects.RISKS,
}
"""Rules that `mqctl_accept` can turn off, by name."""


def known_risks(draft: Draft) -> Iterator[Problem]:
    """A misspelt name would turn nothing off."""
    for index, name in enumerate(draft.mqctl.accept):
        if name not in RISKS:
            near = get_close_matches(name, RISKS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the risks are {', '.join(sorted(RISKS))}"
            yield Problem(f"mqctl_accept[{index}]", "is not the name of a risk", name, hint)


WHOLE: tuple[Rule, ...] = (known_risks, *hosts.STRUCTURAL, *sites.STRUCTURAL, *links.WHOLE)
"""Rules over the whole inventory."""
STRUCTURAL: tuple[Rule, ...] = (
    *cluster.STRUCTURAL,
    *firewall.STRUCTURAL,
    *haproxy.STRUCTURAL,
    *keepalived.STRUCTURAL,
    *patterns.STRUCTURAL,
    *objectives.STRUCTURAL,
    *objects.STRUCTURAL,
    *arguments.STRUCTURAL,
    *links.STRUCTURAL,
    *mirroring.STRUCTURAL,
    *shared.STRUCTURAL,
    *tls.STRUCTURAL,
    *versions.STRUCTURAL,
)


def check(draft: Draft) -> Iterator[Problem]:
    """Every broken rule; risks that `mqctl_accept` names are left out."""
    for rule in WHOLE:
        yield from rule(draft)
    for site in draft.sites:
        yield from _check_site(site)


def _check_site(site: Draft) -> Iterator[Problem]:
    for rule in STRUCTURAL:
        yield from rule(site)
    for name, risk in RISKS.items():
        if name not in site.mqctl.accept:
            for problem in risk(site):
                yield replace(problem, hint=_acceptable(problem.hint, name))


def _acceptable(hint: str, name: str) -> str:
    """The hint, and how to take the risk on purpose."""
    accept = f"add {name} to mqctl_accept to take the risk"
    return f"{hint}; or {accept}" if hint else accept
