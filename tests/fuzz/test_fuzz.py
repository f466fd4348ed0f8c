"""A thousand mutants of the bundled inventories, and the judge itself, which must be able to say no."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqctl import cli
from mqctl.errors import ExitCode
from mqctl.inventory.listing import Listing
from tests import inventories

from . import corpus, judge
from .cases import case
from .mutate import OURS

SEEDS = 60
"""Of each inventory: with 17 of them more than a thousand."""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
ODDITIES = {
    "alias": "x: &a [1, 2]\nrabbitmq_plugins: *a\n",
    "alias-of-itself": "rabbitmq_vhosts: &a [*a]\n",
    "bomb": "".join(f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9 if i else ['lol'])}]\n" for i in range(9)),
    "control-character": 'rabbitmq_cluster_name: "\\e[2Jowned"\n',
    "date": "rabbitmq_heartbeat: 2001-12-14\n",
    "deep": "rabbitmq_queues: " + "[" * 200 + "]" * 200 + "\n",
    "duplicate": "rabbitmq_heartbeat: 30\nrabbitmq_heartbeat: 60\n",
    "garbage-vault": "rabbitmq_erlang_cookie: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6161\n",
    "huge-number": f"rabbitmq_heartbeat: {'9' * 5000}\n",
    "infinite": "haproxy_timeout_client: .inf\n",
    "merge": "<<: {rabbitmq_heartbeat: 30}\n",
    "not-a-mapping": "- rabbitmq_heartbeat\n",
    "not-a-number": "keepalived_advert_interval: .nan\n",
    "null": "rabbitmq_users:\n",
    "octal": "rabbitmq_port: 0o1234\n",
    "sexagesimal": "rabbitmq_heartbeat: 12:30:45\n",
    "tab": "rabbitmq_queues:\n\t- name: a\n",
    "template-that-never-ends": "rabbitmq_cluster_name: \"{{ 'x' * 10**10 }}\"\n",
    "unclosed": "rabbitmq_users: [\n",
    "unknown-tag": "rabbitmq_heartbeat: !!python/object:os.system [id]\n",
    "unsafe": "rabbitmq_cluster_name: !unsafe '{{ x }}'\n",
    "vault-of-a-list": "rabbitmq_erlang_cookie: !vault [1]\n",
    "windows": "rabbitmq_heartbeat: 60\r\nrabbitmq_port: 5672\r\n",
    "zero-byte": 'rabbitmq_cluster_name: "a\\0b"\n',
}


@pytest.mark.parametrize("name", corpus.NAMES)
def test_mutants_are_refused_in_our_words_or_rendered(name: str) -> None:
    broken = {}
    for seed in range(SEEDS):
        try:
            judge.judge(case(name, seed))
        except Exception as error:
            broken[f"python -m tests.fuzz --only {name}:{seed}"] = repr(error)
    assert broken == {}


def test_they_are_more_than_a_thousand_and_of_both_kinds() -> None:
    assert len(corpus.NAMES) * SEEDS >= 1000
    outcomes = {judge.judge(case("mirrored-3node", seed)) for seed in range(SEEDS)}
    assert outcomes >= {"refused", "accepted"}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(variable=st.sampled_from(OURS), value=VALUES)
def test_any_value_of_any_variable_is_refused_or_rendered(variable: str, value: Any) -> None:
    listing = corpus.listing("mirrored-3node")
    hostvars = {host: {**values, variable: value} for host, values in listing.hostvars.items()}
    judge.judge(replace(listing, hostvars=hostvars))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("rabbitmq_advanced_config", {"rabbit": {"quorum_cluster_size": float("inf")}}),
        ("rabbitmq_advanced_config", {"rabbit": {"quorum_cluster_size": "many"}}),
        ("rabbitmq_advanced_config", {"rabbit": ["quorum_cluster_size"]}),
        ("keepalived_check_interval", float("inf")),
        ("keepalived_preempt_delay", float("inf")),
    ],
)
def test_what_failed_once_holds(variable: str, value: Any) -> None:
    listing = corpus.listing("quorum-3node")
    hostvars = {host: {**values, variable: value} for host, values in listing.hostvars.items()}
    judge.judge(replace(listing, hostvars=hostvars))


@pytest.mark.parametrize("oddity", ODDITIES)
def test_the_command_refuses_or_renders_files_with_surprises(oddity: str, tmp_path: Path) -> None:
    """Through ansible-inventory, from files, as a person would meet them."""
    inventory = tmp_path / "site"
    inventories.bare("mirrored-3node", inventory)
    (inventory / "group_vars" / "all" / "odd.yml").write_bytes(ODDITIES[oddity].encode())
    (inventory / "group_vars" / "all" / "given.yml").write_text(given_secrets())
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said), judge.bounded(20):
        code = cli.run(["render", str(inventory)])
    assert code in (ExitCode.DONE, ExitCode.REFUSED), said.getvalue()
    judge.safe(said.getvalue())


def given_secrets() -> str:
    """A secrets file in which every secret can be recognised."""
    listing = corpus.listing("mirrored-3node")
    known = {
        name: value
        for values in listing.hostvars.values()
        for name, value in values.items()
        if corpus.MARK in str(value)
    }
    return yaml.safe_dump(known)


def test_the_judge_says_no_to_a_secret_that_is_shown() -> None:
    with pytest.raises(judge.BrokenError, match="a secret is shown"):
        judge.safe(f"got {corpus.MARK}0passwordOf")


@pytest.mark.parametrize("text", ["\x1b[2J", "a\rb", "\u202eevil", "\x9b31m"])
def test_the_judge_says_no_to_what_acts_on_a_terminal(text: str) -> None:
    with pytest.raises(judge.BrokenError, match="control characters"):
        judge.safe(text)


def test_the_judge_says_no_to_what_does_not_end() -> None:
    with pytest.raises(judge.BrokenError, match="not done after"), judge.bounded(0.2):
        endless()


def endless() -> None:
    """In Python, which hears signals; one call of C that never ends is what a test's own time-out is for."""
    while True:
        pass


def test_the_judge_says_no_to_what_mqctl_does_not_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Listing) -> None:
        raise KeyError("x")

    monkeypatch.setattr(judge, "_drafted", fails)
    with pytest.raises(KeyError):
        judge.judge(corpus.listing("standalone"))


def test_a_case_is_the_same_wherever_it_is_made() -> None:
    assert case("warren", 7) == case("warren", 7)
    assert case("warren", 7) != case("warren", 8)
