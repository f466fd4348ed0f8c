"""The load balancers: answering, and every broker UP behind each of them."""

from __future__ import annotations

from mqctl.gates.evidence import Gate, silence
from mqctl.model.gate import GateResult
from mqctl.model.haproxy import HaproxySettings
from mqctl.model.rabbitmq import RabbitmqSettings
from mqctl.model.status import ClusterStatus, HaproxyServerStatus, HaproxyStatus
from mqctl.model.tls import AMQPS, MANAGEMENT, Tls
from mqctl.model.topology import Broker, Host, Topology


def judge(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """All of this module's gates."""
    return [*answering(topology, status), *servers_up(topology, status)]


def answering(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """HAProxy answers on its runtime socket; a hung one accepts connections and says nothing."""
    return [_answers(host, status) for host in topology.balancers]


def _answers(host: Host, status: ClusterStatus) -> GateResult:
    gate = Gate("haproxy answers", host.name, "answers on its runtime socket")
    said, why = _said(host, status)
    if said is None:
        return gate.unknown(why)
    return gate.says(said.answered, gate.expected if said.answered else said.error or "no answer")


def servers_up(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """Every broker is UP as a server for AMQP and for management, found by its address and port.

    A standby listens nowhere: it is DOWN.
    """
    return [
        _server(host, host.haproxy, broker.name, broker.broker, service, port, status)
        for host in topology.balancers
        if host.haproxy
        for broker in topology.brokers
        if broker.broker
        for service, port in _services(topology.tls, broker.broker.settings).items()
    ]


def _services(tls: Tls | None, settings: RabbitmqSettings) -> dict[str, int]:
    """What is behind HAProxy, and the broker's port for it."""
    offered = {
        "AMQP": (settings.haproxy_server and not (tls and not tls.plain), settings.port),
        "AMQP over TLS": (settings.haproxy_server and tls is not None, AMQPS),
        "management": (
            "rabbitmq_management" in settings.plugins,
            MANAGEMENT if tls else settings.management_port,
        ),
    }
    return {service: port for service, (behind, port) in offered.items() if behind}


def _server(
    host: Host,
    settings: HaproxySettings,
    name: str,
    broker: Broker,
    service: str,
    port: int,
    status: ClusterStatus,
) -> GateResult:
    answer = status.host(name)
    checked = "DOWN" if answer and answer.waits else "UP"
    expected = "no check" if settings.check == "none" else checked
    gate = Gate(f"haproxy server ({service})", f"{name} behind {host.name}", expected)
    said, why = _said(host, status)
    if said is None or not said.answered:
        return gate.unknown(why or (said.error if said else None) or "no answer")
    found = [server for server in said.servers if server.address == endpoint(broker, port)]
    if not found:
        return gate.says(False, f"no server with address {endpoint(broker, port)}")
    return gate.says(all(_up(server, expected) for server in found), _states(found))


def endpoint(broker: Broker, port: int) -> str:
    """A broker's address and port, as HAProxy prints them."""
    address = str(broker.address)
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _up(server: HaproxyServerStatus, expected: str) -> bool:
    """`UP 1/3` still takes connections, `DOWN 1/2` not yet."""
    return server.status == expected or server.status.startswith(f"{expected} ")


def _states(servers: list[HaproxyServerStatus]) -> str:
    """The states, each once, with what the check said where it is not UP."""
    return ", ".join(
        dict.fromkeys(
            server.status
            if server.status == "UP" or not server.check
            else f"{server.status} ({server.check})"
            for server in servers
        )
    )


def _said(host: Host, status: ClusterStatus) -> tuple[HaproxyStatus | None, str]:
    why = silence(status, host.name)
    answer = status.host(host.name)
    if why is not None or answer is None:
        return None, why or ""
    return answer.haproxy, "" if answer.haproxy else "the host was not asked for HAProxy"
