"""The engine: every way in which it cannot be reached or cannot run a lab, and what is said then."""

from __future__ import annotations

import gc
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, DockerException

from mqctl.errors import ExitCode, MqctlError
from mqctl.lab import engine

# the SDK leaves the socket open when the engine is not there
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)

FIT = {"OSType": "linux", "CgroupVersion": "2", "SecurityOptions": ["name=seccomp,profile=default"]}


@pytest.fixture
def socket_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    yield path
    gc.collect()


@pytest.fixture
def path_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in PATH; empty."""
    path = tmp_path / "bin"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    return path


@pytest.fixture
def speak(socket_path: Path) -> Iterator[Callable[[dict[str, Any], str], None]]:
    """Start an engine that says this about itself on a real socket and refuses everything else."""
    servers: list[socketserver.BaseServer] = []

    def start(info: dict[str, Any], api_version: str) -> None:
        class Engine(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = {"version": {"ApiVersion": api_version}, "info": info}
                answer = known.get(self.path.rsplit("/", 1)[-1])
                body = json.dumps(answer if answer is not None else {"message": "refused"}).encode()
                self.send_response(200 if answer is not None else 500)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self) -> str:
                return "test"

            def log_message(self, *_: Any) -> None:
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        server = Server(str(socket_path), Engine)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def refusal() -> MqctlError:
    with pytest.raises(MqctlError) as caught:
        engine.connect()
    assert caught.value.exit_code == ExitCode.CANNOT_RUN
    return caught.value


def test_no_engine_installed(socket_path: Path, path_dir: Path) -> None:
    error = refusal()
    assert (error.message, error.hint) == ("no docker engine on this machine", "apt-get install docker.io")


def test_engine_installed_but_not_running(socket_path: Path, path_dir: Path) -> None:
    (path_dir / "dockerd").touch(mode=0o755)
    error = refusal()
    assert (error.message, error.hint) == ("the docker engine is not running", "systemctl start docker")


def test_engine_gone_with_its_socket_left_behind(socket_path: Path, path_dir: Path) -> None:
    (path_dir / "dockerd").touch(mode=0o755)
    socketserver.UnixStreamServer(str(socket_path), socketserver.BaseRequestHandler).server_close()
    assert refusal().message == "the docker engine is not running"


def test_no_permission_for_the_socket() -> None:
    inner = PermissionError(13, "Permission denied")
    error = engine.unreachable(DockerException("Error while fetching server API version", inner))
    assert error.message == "no permission to talk to the docker engine"
    assert "usermod -aG docker" in error.hint


def test_something_else_is_told_as_it_is() -> None:
    error = engine.unreachable(DockerException("tls handshake failed"))
    assert error.message == "the docker engine does not answer: tls handshake failed"


def test_a_fit_engine(speak: Callable[[dict[str, Any], str], None]) -> None:
    speak(FIT, "1.43")
    client = engine.connect()
    assert client.api.info()["CgroupVersion"] == "2"
    client.close()


@pytest.mark.parametrize(
    ("info", "version", "message"),
    [
        ({"OSType": "windows"}, "1.43", "the docker engine runs windows containers, not Linux ones"),
        (FIT, "1.40", "the docker engine is too old: API 1.40, 1.41 is needed"),
        (FIT, "1.9", "the docker engine is too old: API 1.9, 1.41 is needed"),
        (
            {**FIT, "SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]},
            "1.43",
            "the docker engine is rootless: its containers are out of this machine's reach",
        ),
    ],
)
def test_an_unfit_engine(info: dict[str, Any], version: str, message: str) -> None:
    with pytest.raises(MqctlError) as caught:
        engine.refuse_unfit(info, version)
    assert caught.value.message == message
    assert caught.value.hint


def test_a_rootless_engine_is_refused_at_connect(speak: Callable[[dict[str, Any], str], None]) -> None:
    speak({**FIT, "SecurityOptions": ["name=rootless"]}, "1.43")
    assert "rootless" in refusal().message


def test_cgroup_v1_shows_the_machines_tree() -> None:
    options = engine.systemd_options({"CgroupVersion": "1"})
    assert options["cgroupns"] == "host"
    assert options["volumes"] == ["/sys/fs/cgroup:/sys/fs/cgroup:rw"]


def test_cgroup_v2_is_private_and_mounts_nothing() -> None:
    options = engine.systemd_options(FIT)
    assert options["cgroupns"] == "private"
    assert "volumes" not in options
    assert "userns_mode" not in options


def test_remapped_users_are_undone_for_the_lab() -> None:
    options = engine.systemd_options({**FIT, "SecurityOptions": ["name=userns"]})
    assert options["userns_mode"] == "host"


def test_an_engines_sentence_loses_its_full_stop() -> None:
    assert engine.explain(APIError("500", explanation="pool overlaps. ")) == "pool overlaps"
