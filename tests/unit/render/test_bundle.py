"""Bundles: golden files, the order of files, who may read what, and that no secret shows."""

from __future__ import annotations

import re

import pytest
from pydantic import SecretStr

from mqctl.model.base import reveal
from mqctl.model.bundle import FileSpec
from mqctl.model.diff import mask
from mqctl.model.topology import Topology
from mqctl.render.bundle import render
from mqctl.render.refusal import CannotCarryError
from tests import nasty
from tests.golden import refresh
from tests.topologies import SECRETS, mirrored_3node, standalone, with_site


def spec(topology: Topology, host: str, path: str) -> FileSpec:
    return next(one for one in render(topology)[host].files if one.path == path)


def content(topology: Topology, host: str, path: str) -> str:
    return reveal(spec(topology, host, path).content)


@pytest.mark.parametrize("topology", refresh.TOPOLOGIES)
def test_golden(topology: str) -> None:
    """A wanted change: `python -m tests.golden.refresh`, and read the diff."""
    assert refresh.rendered(topology) == refresh.written(topology)


def test_rendering_is_deterministic() -> None:
    assert render(mirrored_3node()) == render(mirrored_3node())


@pytest.mark.parametrize("topology", [mirrored_3node(), nasty.evil("3.10"), nasty.evil_terms("3.10")])
def test_no_secret_shows_once_masked(topology: Topology) -> None:
    secrets = (*SECRETS, nasty.EVIL.partition(" ")[0], nasty.VRRP_EVIL)
    for bundle in render(with_site(topology, cluster_name="x")).values():
        shown = [
            mask(reveal(one.content), one.masks)
            for one in bundle.files
            if one.secrecy != "secret" and one.component in ("haproxy", "keepalived")
        ]
        assert not [secret for secret in secrets for text in shown if secret in text]


def test_secrets_are_in_no_repr() -> None:
    text = repr(render(mirrored_3node()))
    assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize(
    ("host", "path", "owner", "mode", "effects"),
    [
        ("mq1", "/etc/hosts", "root:root", "0644", ("none",)),
        ("mq1", "/var/lib/rabbitmq/.erlang.cookie", "rabbitmq:rabbitmq", "0400", ("restart-broker",)),
        ("mq1", "/etc/rabbitmq/rabbitmq.conf", "root:rabbitmq", "0640", ("restart-broker",)),
        ("mq1", "/etc/rabbitmq/rabbitmq-env.conf", "root:rabbitmq", "0640", ("restart-broker",)),
        ("mq1", "/etc/rabbitmq/enabled_plugins", "rabbitmq:rabbitmq", "0644", ("restart-broker",)),
        ("lb1", "/etc/haproxy/haproxy.cfg", "root:haproxy", "0640", ("reload-haproxy",)),
        ("lb1", "/etc/keepalived/keepalived.conf", "root:root", "0600", ("reload-keepalived",)),
        ("lb1", "/etc/keepalived/check-haproxy", "root:root", "0755", ("none",)),
        ("lb1", "/etc/keepalived/notify", "root:root", "0755", ("none",)),
    ],
)
def test_owners_modes_effects(host: str, path: str, owner: str, mode: str, effects: tuple[str, ...]) -> None:
    one = spec(mirrored_3node(), host, path)
    assert (f"{one.owner}:{one.group}", one.mode, one.effects) == (owner, mode, effects)


def test_files_that_others_can_read_hold_no_secret() -> None:
    for bundle in render(mirrored_3node()).values():
        for one in bundle.files:
            if one.mode[-1] != "0":
                assert not [secret for secret in SECRETS if secret in reveal(one.content)]


def test_every_validator_gets_the_candidate_once() -> None:
    for bundle in render(nasty.evil_conf("3.10")).values():
        for one in bundle.files:
            if one.validator:
                assert one.validator.count("%s") == 1
                assert "%s" not in "".join(part for part in one.validator if part != "%s")


@pytest.mark.parametrize(
    ("host", "before", "after"),
    [
        ("mq1", "/usr/local/lib/mqctl/conf-check.escript", "/etc/rabbitmq/rabbitmq.conf"),
        ("mq1", "/var/lib/rabbitmq/.erlang.cookie", "/etc/rabbitmq/rabbitmq.conf"),
        ("lb1", "/etc/keepalived/check-haproxy", "/etc/keepalived/keepalived.conf"),
        ("lb1", "/etc/keepalived/notify", "/etc/keepalived/keepalived.conf"),
    ],
)
def test_what_a_validator_needs_is_placed_first(host: str, before: str, after: str) -> None:
    paths = [one.path for one in render(mirrored_3node())[host].files]
    assert paths.index(before) < paths.index(after)


@pytest.mark.parametrize(
    ("wanted", "there", "gone"),
    [
        ({}, {"rabbitmq.conf"}, {"advanced.config", "rabbitmq.config"}),
        (
            {"advanced_config": {"kernel": {"a": 1}}},
            {"rabbitmq.conf", "advanced.config"},
            {"rabbitmq.config"},
        ),
        ({"config_format": "classic"}, {"rabbitmq.config"}, {"rabbitmq.conf", "advanced.config"}),
    ],
)
def test_the_formats_never_lie_side_by_side(
    wanted: dict[str, object], there: set[str], gone: set[str]
) -> None:
    found = {
        one.path.rpartition("/")[2]: one.kind
        for one in render(standalone(**wanted))["mq1"].files
        if re.fullmatch(r"/etc/rabbitmq/(rabbitmq\.conf|.*\.config)", one.path)
    }
    assert {name for name, kind in found.items() if kind == "file"} == there
    assert {name for name, kind in found.items() if kind == "absent"} == gone


def test_every_peer_has_one_line_in_the_hosts_block() -> None:
    block = content(mirrored_3node(), "lb2", "/etc/hosts")
    assert [line.split()[1] for line in block.splitlines()] == ["mq1", "mq2", "mq3", "lb1", "lb2"]


def test_a_cluster_address_is_what_the_peers_resolve() -> None:
    block = content(standalone(cluster_address="192.0.2.7"), "mq1", "/etc/hosts")
    assert block == "192.0.2.7 mq1\n"


WHOLE_SECONDS = "keepalived.conf takes whole seconds, not"


@pytest.mark.parametrize(
    ("rabbitmq", "haproxy", "keepalived", "said", "hint"),
    [
        (
            {"config_format": "classic", "extra_conf": {"a": 1}},
            {},
            {},
            "mq1: rabbitmq_extra_conf: the classic format has no such lines",
            "say it in rabbitmq_advanced_config, or use rabbitmq_config_format: conf",
        ),
        (
            {"extra_conf": {"a.b": "x#y"}},
            {},
            {},
            "mq1: a.b: rabbitmq.conf takes what follows # for a comment",
            "say it in rabbitmq_advanced_config, see docs/rendering.md",
        ),
        (
            {"advanced_config": {"a": {"b": None}}},
            {},
            {},
            "mq1: /etc/rabbitmq/advanced.config: NoneType has no counterpart in Erlang",
            "",
        ),
        (
            {"environment": {"A": "日"}},
            {},
            {},
            "mq1: A: rabbitmq-env.conf carries no letters beyond Latin-1",
            "",
        ),
        (
            {"environment": {"A": "x\ny"}},
            {},
            {},
            "mq1: A: a shell script cannot carry a line break in a value",
            "",
        ),
        (
            {},
            {"stats_password": "a\nb"},
            {},
            "lb1: haproxy_stats_password: haproxy.cfg cannot carry a line break in a value",
            "",
        ),
        (
            {},
            {"socket": "/run/a$b"},
            {},
            "lb1: haproxy_socket: haproxy.cfg takes $ and \\ in an address for a variable",
            "",
        ),
        (
            {},
            {"stats_password": None},
            {},
            "lb1: haproxy_stats_password: is not set",
            "mqctl generates it at first use",
        ),
        (
            {},
            {},
            {"auth_pass": 'a"b'},
            "lb1: keepalived_auth_pass: keepalived.conf cannot carry a double quote",
            "",
        ),
        ({}, {}, {"check_interval": 0.5}, f"lb1: keepalived_check_interval: {WHOLE_SECONDS} 0.5", ""),
        ({}, {}, {"check_timeout": 1.5}, f"lb1: keepalived_check_timeout: {WHOLE_SECONDS} 1.5", ""),
        ({}, {}, {"advert_interval": 0.5}, f"lb1: keepalived_advert_interval: {WHOLE_SECONDS} 0.5", ""),
    ],
)
def test_what_a_format_cannot_say_is_refused_by_name(
    rabbitmq: dict[str, object],
    haproxy: dict[str, object],
    keepalived: dict[str, object],
    said: str,
    hint: str,
) -> None:
    with pytest.raises(CannotCarryError) as caught:
        render(mirrored_3node(rabbitmq, haproxy, keepalived))
    assert (caught.value.message, caught.value.hint) == (said, hint)


@pytest.mark.parametrize("cookie", ["two words here", "line\nbreak12", "übergeheim"])
def test_a_cookie_that_erlang_would_not_read_is_refused(cookie: str) -> None:
    topology = with_site(mirrored_3node(), erlang_cookie=SecretStr(cookie))
    with pytest.raises(CannotCarryError) as caught:
        render(topology)
    said = "mq1: rabbitmq_erlang_cookie: a cookie has printable ASCII characters only"
    assert (caught.value.message, caught.value.hint) == (said, "")


@pytest.mark.parametrize(
    "settings",
    [
        {"extra_conf": {"auth_ldap.dn_lookup_bind.password": "hidden-word"}},
        {"extra_conf": {"x.uri": "amqps://user:hidden-word@host"}},
        {"environment": {"SOME_SECRET": "hidden-word"}},
        {"extra_conf": {"a.Password": "hidden-word"}},
        {"advanced_config": {"a": {"default_pass": "hidden-word"}}},
        {"advanced_config": {"a": {"key_password": {"string": "hidden-word"}}}},
        {"advanced_config": {"a": {"uri": "amqp://u:hidden-word@h"}}},
        {"advanced_config": {"a": {"default_pass": "hidden-word"}}, "config_format": "classic"},
    ],
)
def test_secrets_of_the_inventorys_own_are_masked(settings: dict[str, object]) -> None:
    files = [one for one in render(standalone(**settings))["mq1"].files if "hidden" in reveal(one.content)]
    assert len(files) == 1
    assert files[0].mode == "0640"
    assert "hidden-word" not in mask(reveal(files[0].content), files[0].masks)
