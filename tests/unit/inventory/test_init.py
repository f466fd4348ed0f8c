"""`mqctl init`: the inventory that it writes, and what it refuses without writing anything."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mqctl import share
from mqctl.cli.init import init
from mqctl.errors import MqctlError
from mqctl.inventory import VaultOptions, load
from mqctl.workflows.init import topologies

OPTIONS = (
    *("--brokers", "192.0.2.11,192.0.2.12,192.0.2.13"),
    *("--balancer", "east=192.0.2.21", "--balancer", "west=192.0.2.22"),
    *("--vip", "192.0.2.100/24", "--interface", "ens3"),
)


def run(*arguments: str, keyboard: str | None = None) -> Result:
    app = typer.Typer()
    app.command()(init)
    return CliRunner().invoke(app, arguments, input=keyboard)


def refusal(result: Result) -> MqctlError:
    assert isinstance(result.exception, MqctlError)
    assert result.exception.exit_code == 2
    return result.exception


def without(option: str) -> tuple[str, ...]:
    at = OPTIONS.index(option)
    return OPTIONS[:at] + OPTIONS[at + 2 :]


def test_writes_an_inventory_for_real_hosts(tmp_path: Path) -> None:
    directory = tmp_path / "site"
    result = run("mirrored-3node", str(directory), *OPTIONS, "--user", "ops", "--port", "2222", "--key", "/k")
    assert result.exception is None
    assert result.stdout.splitlines()[-1] == f"next: mqctl plan {directory}"
    topology = load(directory)
    assert topology.lab is None
    assert [(host.name, str(host.address)) for host in topology.hosts] == [
        ("mq1", "192.0.2.11"),
        ("mq2", "192.0.2.12"),
        ("mq3", "192.0.2.13"),
        ("east", "192.0.2.21"),
        ("west", "192.0.2.22"),
    ]
    connection = topology.hosts[0].connection
    assert (connection.user, connection.port, str(connection.private_key)) == ("ops", 2222, "/k")
    assert connection.become
    router = topology.host("east").keepalived
    assert router is not None
    assert (str(router.virtual_address), router.interface) == ("192.0.2.100/24", "ens3")
    assert (router.virtual_router_id, router.priority) == (100, 250)
    assert [policy.name for policy in topology.objects.policies] == ["ha-all"]
    assert stat.S_IMODE((directory / "group_vars" / "all" / "secrets.yml").stat().st_mode) == 0o600
    assert (directory / ".gitignore").read_text().splitlines()[1:] == [
        ".mqctl/",
        "group_vars/all/secrets.yml",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_options_over_what_it_would_choose(tmp_path: Path) -> None:
    directory = tmp_path / "site"
    directory.mkdir()
    result = run(
        *("mirrored-3node", str(directory), *OPTIONS, "--user", "root"),
        *("--virtual-router-id", "7"),
    )
    assert result.exception is None
    topology = load(directory)
    assert not topology.hosts[0].connection.become
    router = topology.host("west").keepalived
    assert router is not None
    assert (router.virtual_router_id, router.priority) == (7, 240)


def test_secrets_in_a_vault_file(tmp_path: Path, options: VaultOptions) -> None:
    directory = tmp_path / "site"
    result = run(
        "mirrored-3node", str(directory), *OPTIONS, "--vault-password-file", str(options.password_file)
    )
    assert result.exception is None
    assert (directory / "group_vars" / "all" / "secrets.yml").read_text().startswith("$ANSIBLE_VAULT")
    assert load(directory, options).name == "site"


def test_ipv6_needs_vrrp_3(tmp_path: Path) -> None:
    result = run(
        *("mirrored-3node", str(tmp_path / "site")),
        *("--brokers", "2001:db8::1,2001:db8::2,2001:db8::3", "--balancers", "2001:db8::4,2001:db8::5"),
        *("--vip", "2001:db8::64/64", "--interface", "eth0"),
    )
    assert result.exception is None
    router = load(tmp_path / "site").host("lb1").keepalived
    assert router is not None
    assert (router.vrrp_version, router.virtual_router_id) == (3, 100)


def test_asks_on_a_terminal_for_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mqctl.cli.init._terminal", lambda: True)
    result = run("mirrored-3node", str(tmp_path / "site"), *without("--vip"), keyboard="192.0.2.200/24\n")
    assert result.exception is None
    assert "virtual IP" in result.stderr
    assert str(load(tmp_path / "site").virtual_address) == "192.0.2.200"


def test_names_everything_that_is_missing(tmp_path: Path) -> None:
    error = refusal(run("mirrored-3node", str(tmp_path / "site")))
    assert error.message == "missing: --brokers, --balancers, --vip, --interface"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mirored-3node", *OPTIONS), "init cannot write mirored-3node"),
        (("mirrored-3node", *without("--vip"), "--vip", "192.0.2.100"), "has no prefix length"),
        (("mirrored-3node", *without("--vip"), "--vip", "vip"), "vip is not an address"),
        (("mirrored-3node", *OPTIONS, "--broker", "mq4=192.0.2.14"), "--broker and --brokers say the same"),
        (("mirrored-3node", *without("--brokers"), "--broker", "192.0.2.11"), "is not NAME=ADDR"),
        (("mirrored-3node", *OPTIONS, "--balancer", "west=192.0.2.23"), "names west twice"),
        (("mirrored-3node", *without("--brokers"), "--brokers", "192.0.2.11,192.0.2.12"), "pause_minority"),
        (("mirrored-3node", *without("--vip"), "--vip", "192.0.2.11/24"), "must not be the address of mq1"),
        (("mirrored-3node", *without("--brokers"), "--brokers", "a,b,c"), "must be an IP address"),
        (("standalone", "--brokers", "192.0.2.1", "--vip", "192.0.2.9/24"), "no load balancers: --vip"),
        (("warren", *OPTIONS), "warren has 2 brokers and 2 load balancers, each with its own part"),
        (("federation-2site", *OPTIONS), "federation-2site has several sites"),
        (("mirrored-nodes", *without("--brokers"), "--broker", "a=192.0.2.1"), "must be a node of this"),
        (("mirrored-3node", "--lab", "10.1.1.0/25"), "10.1.1.0/25 is too small for the lab"),
        (("mirrored-3node", "--lab", "10.1.1.1/24"), "10.1.1.1/24 is not an IPv4 network"),
        (
            ("mirrored-3node", "--lab", "10.1.1.0/24", "--vip", "10.1.1.9/24"),
            "--lab and --vip exclude each other",
        ),
    ],
)
def test_refuses_and_writes_nothing(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    error = refusal(run(arguments[0], str(tmp_path / "site"), *arguments[1:]))
    assert message in error.message
    assert not list(tmp_path.iterdir())


def test_a_lab_of_its_own_network(tmp_path: Path) -> None:
    result = run("mirrored-3node", str(tmp_path / "site"), "--lab", "10.1.2.0/24")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == f"next: mqctl deploy {tmp_path / 'site'}"
    made = load(tmp_path / "site")
    assert made.lab is not None
    assert (made.lab.name, str(made.lab.subnet)) == ("site", "10.1.2.0/24")
    assert [str(host.address) for host in made.hosts] == [f"10.1.2.{last}" for last in (11, 12, 13, 21, 22)]
    assert str(made.virtual_address) == "10.1.2.100"
    assert made.hosts[0].connection.private_key == tmp_path / "site" / ".mqctl" / "id_ed25519"


@pytest.mark.parametrize("topology", topologies())
def test_every_bundled_topology_as_a_lab_elsewhere(tmp_path: Path, topology: str) -> None:
    """The same hosts, groups, variables and comments; only the network is another."""
    result = run(topology, str(tmp_path / "site"), "--lab", "10.1.2.0/24")
    assert result.exception is None
    bundled = share.root() / "inventories" / topology
    home = next(
        text.rpartition(".0/24")[0].rpartition(" ")[2]
        for path in bundled.rglob("*.yml")
        if "mqctl_lab:" in (text := path.read_text())
    )
    made = load(tmp_path / "site")
    assert made.lab is not None
    assert {str(host.address).rpartition(".")[0] for host in made.lab.hosts} == {"10.1.2"}
    for path in bundled.rglob("*.yml"):
        if path.name != "secrets.yml":
            text = (tmp_path / "site" / path.relative_to(bundled)).read_text()
            assert text == path.read_text().replace(f"{home}.", "10.1.2.")


def test_one_broker_needs_no_entrance(tmp_path: Path) -> None:
    result = run("standalone", str(tmp_path / "site"), "--brokers", "192.0.2.11")
    assert result.exception is None
    made = load(tmp_path / "site")
    assert [(host.name, str(host.address)) for host in made.hosts] == [("mq1", "192.0.2.11")]
    assert made.scenarios == ("lose-queue-node", "memory-alarm")


def test_more_brokers_and_routers_than_the_bundled_ones(tmp_path: Path) -> None:
    entrance = (
        "--balancers",
        "192.0.2.21,192.0.2.22,192.0.2.23",
        "--vip",
        "192.0.2.100/24",
        "--interface",
        "e",
    )
    brokers = ",".join(f"192.0.2.{number}" for number in range(1, 8))
    result = run("quorum-5node", str(tmp_path / "site"), "--brokers", brokers, *entrance)
    assert result.exception is None
    made = load(tmp_path / "site")
    assert len(made.brokers) == 7
    assert [host.keepalived.priority for host in made.routers if host.keepalived] == [250, 240, 239]
    assert made.objects.vhosts[0].default_queue_type == "quorum"


def test_what_a_broker_is_beside_its_address_stays(tmp_path: Path) -> None:
    result = run(
        *("warren", str(tmp_path / "site"), *without("--brokers")),
        *("--broker", "first=192.0.2.11", "--broker", "second=192.0.2.12"),
    )
    assert result.exception is None
    made = load(tmp_path / "site")
    assert [(host.name, host.broker.settings.haproxy_backup) for host in made.brokers if host.broker] == [
        ("first", False),
        ("second", True),
    ]


def test_refuses_a_directory_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    error = refusal(run("mirrored-3node", str(tmp_path), *OPTIONS))
    assert error.message == f"{tmp_path} is not empty"
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]
