"""`mqctl_profile`: another word, other timers, and what the inventory says itself still counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mqctl import share
from mqctl.inventory import VaultOptions, bundled
from mqctl.inventory.drafting import Drafted, draft
from mqctl.inventory.listing import Listing
from mqctl.inventory.settings import COMPONENTS
from mqctl.inventory.source import read
from mqctl.model import timers
from mqctl.model.haproxy import HaproxySettings
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.profiles import PROFILES
from mqctl.model.rabbitmq import RabbitmqSettings
from tests import inventories

DOCS = share.root() / "docs" / "performance.md"


def listing(name: str, directory: Path) -> Listing:
    copy = directory / name
    inventories.bare(name, copy)
    return read(copy, VaultOptions())


def drafted(listing: Listing, variables: Mapping[str, Any]) -> Drafted:
    hostvars = {host: {**values, **variables} for host, values in listing.hostvars.items()}
    return draft(replace(listing, hostvars=hostvars), {})


def router(profile: str, **values: Any) -> KeepalivedSettings:
    defaults = PROFILES[profile].get("keepalived", {})  # type: ignore[index]
    given = {"virtual_address": "192.0.2.100/24", "priority": 240}
    return KeepalivedSettings.model_validate({**defaults, **given, **values})


def balancer(profile: str) -> HaproxySettings:
    return HaproxySettings.model_validate(PROFILES[profile].get("haproxy", {}))  # type: ignore[index]


def ticktime(profile: str) -> int:
    settings = RabbitmqSettings.model_validate(PROFILES[profile].get("rabbitmq", {}))  # type: ignore[index]
    return settings.net_ticktime


@pytest.mark.parametrize("name", [name for name in bundled() if name != "example"])
def test_every_bundled_inventory_takes_every_profile(name: str, tmp_path: Path) -> None:
    found = listing(name, tmp_path)
    for profile, defaults in PROFILES.items():
        made = drafted(found, {"mqctl_profile": profile})
        assert made.problems == ()
        for host in made.draft.hosts:
            for group in host.groups & defaults.keys():
                given = {n for n in defaults[group] if f"{group}_{n}" in found.hostvars[host.name]}
                assert {
                    name: getattr(getattr(host, group), name) for name in defaults[group].keys() - given
                } == {name: value for name, value in defaults[group].items() if name not in given}


def test_what_the_inventory_says_wins(tmp_path: Path) -> None:
    said = {"mqctl_profile": "wan", "keepalived_advert_interval": 5, "haproxy_check_inter": 7}
    hosts = drafted(listing("mirrored-3node", tmp_path), said).draft.hosts
    entrance = next(host for host in hosts if host.name == "lb1")
    assert entrance.keepalived
    assert entrance.haproxy
    assert (entrance.keepalived.advert_interval, entrance.keepalived.check_timeout) == (5, 3)
    assert (entrance.haproxy.check_inter, entrance.haproxy.check_fastinter) == (7, 1)


def test_an_unknown_profile_is_refused(tmp_path: Path) -> None:
    problems = drafted(listing("standalone", tmp_path), {"mqctl_profile": "faster"}).problems
    assert [(problem.path, problem.rule, problem.got) for problem in problems] == [
        ("mqctl_profile", "must be one of fast, default or wan", '"faster"')
    ]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_sets_only_timers_that_exist(profile: str) -> None:
    for group, settings in PROFILES[profile].items():  # type: ignore[index]
        assert settings.keys() <= COMPONENTS[group].model_fields.keys()


def test_each_failure_is_noticed_later_from_profile_to_profile() -> None:
    def noticed(profile: str) -> tuple[float, ...]:
        terms = (
            timers.master_down(router(profile)),
            timers.refused(balancer(profile)),
            timers.silent(balancer(profile)),
            timers.risen(balancer(profile)),
            timers.turnaround(balancer(profile)),
            timers.ticktime(ticktime(profile)),
        )
        return tuple(term.seconds for term in terms)

    fast, default, wan = map(noticed, ("fast", "default", "wan"))
    assert all(a < b <= c for a, b, c in zip(fast, default, wan, strict=True))


def test_the_documented_sums_are_those_of_the_formulas() -> None:
    rows = {
        "router silent: the VIP moves": lambda p: timers.master_down(router(p)),
        "HAProxy dead: the VIP moves": lambda p: (
            timers.check_dead(router(p)) + timers.gives_way(router(p, priority=250), router(p))
        ),
        "broker refuses connections: DOWN": lambda p: timers.refused(balancer(p)),
        "broker silent: DOWN": lambda p: timers.silent(balancer(p)),
        "broker works again: UP": lambda p: timers.risen(balancer(p)),
        "HAProxy's wait before another broker": lambda p: timers.turnaround(balancer(p)),
        "silent broker given up by its peers, at most": lambda p: timers.ticktime(ticktime(p)),
    }
    table = "| s | fast | default | wan |\n|---|---|---|---|\n" + "".join(
        f"| {name} | {' | '.join(f'{sum_(profile).seconds:.2f}' for profile in PROFILES)} |\n"
        for name, sum_ in rows.items()
    )
    assert table in DOCS.read_text(), table
