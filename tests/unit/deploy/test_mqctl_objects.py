"""The module as a process, against an API that refuses every call it was not told to expect."""

import base64
import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mqctl.gates.wait import wait

from . import modules

PASSWORD = "correct horse"
WHO = {"name": "admin", "tags": ["administrator"]}


class Api:
    """Answers (method, path) with (status, body), once each in any order; 500 for everything else."""

    def __init__(self, answers, password=PASSWORD, who=None):
        self.answers, self.seen = answers, []
        self.password, self.who = password, who or WHO
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                status, body = outer.answer(
                    self.command, self.path, self.headers["Authorization"], self.rfile.read(length)
                )
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815

            def log_message(self, *_):
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, method, path, login, body):
        password = self.password() if callable(self.password) else self.password
        if login != "Basic " + base64.b64encode(f"admin:{password}".encode()).decode():
            return 401, {"error": "not_authorised"}
        if (method, path) == ("GET", "/api/whoami"):
            return 200, self.who
        self.seen.append((method, path, json.loads(body) if body else None))
        answer = self.answers.get((method, path), (500, {"reason": f"unexpected {method} {path}"}))
        return answer if isinstance(answer, tuple) else next(answer)


@pytest.fixture
def api():
    started = []

    def make(answers, **more):
        started.append(Api(answers, **more))
        return started[-1]

    yield make
    for one in started:
        one.server.shutdown()
        one.server.server_close()


def call(method, path, body=None, binding=None):
    return {"method": method, "path": path, "body": body and json.dumps(body), "binding": binding}


def make(server, *requests, path=None, check=False, timeout=10):
    arguments = {
        "port": server.port,
        "node": "rabbit@mq1",
        "user": "admin",
        "password": PASSWORD,
        "requests": list(requests),
        "timeout": timeout,
    }
    return modules.run("mqctl_objects", arguments, check, path)


def test_calls_are_made_in_order_with_their_bodies(api):
    server = api({("PUT", "/api/vhosts/a%2Fb"): (201, {}), ("PUT", "/api/queues/%2F/q"): (204, {})})
    answer = make(
        server,
        call("PUT", "vhosts/a%2Fb", {"description": "x"}),
        call("PUT", "queues/%2F/q", {"durable": True}),
    )
    assert answer["changed"]
    assert answer["note"] == "2 calls"
    assert server.seen == [
        ("PUT", "/api/vhosts/a%2Fb", {"description": "x"}),
        ("PUT", "/api/queues/%2F/q", {"durable": True}),
    ]


def test_a_refused_call_ends_it_with_the_brokers_reason_and_no_secret(api):
    server = api(
        {
            ("PUT", "/api/policies/%2F/p"): (400, {"reason": "ha-mode must be specified"}),
            ("PUT", "/api/users/app"): (201, {}),
        }
    )
    answer = make(
        server,
        call("PUT", "users/app", {"password_hash": "aGFzaGhhc2g="}),
        call("PUT", "policies/%2F/p", {"definition": {}}),
        call("DELETE", "users/guest"),
    )
    assert answer["failed"]
    assert answer["msg"] == "PUT policies///p: 400, ha-mode must be specified (1 of 3 calls made)"
    assert len(server.seen) == 2
    assert "aGFzaGhhc2g" not in json.dumps(answer)
    assert PASSWORD not in json.dumps(answer)


QUEUE = "/api/queues/%2F/q"
INEQUIVALENT = (400, {"reason": "inequivalent arg 'x-queue-type' for queue 'q' in vhost '/'"})


def test_an_empty_queue_that_a_link_made_since_the_plan_gives_way(api):
    answers = {
        ("PUT", QUEUE): iter([INEQUIVALENT, (201, {})]),
        ("POST", f"{QUEUE}/get"): (200, []),
        ("DELETE", QUEUE): (204, {}),
    }
    server = api(answers)
    answer = make(server, {**call("PUT", "queues/%2F/q", {"durable": True}), "absent": True})
    assert "failed" not in answer
    assert [seen[0] for seen in server.seen] == ["PUT", "POST", "DELETE", "PUT"]
    assert server.seen[-1] == ("PUT", QUEUE, {"durable": True})


@pytest.mark.parametrize(
    ("absent", "messages", "answer"),
    [
        (False, [], INEQUIVALENT),
        (True, [{"payload": "work"}], INEQUIVALENT),
        (True, [], (400, {"reason": "invalid arguments"})),
    ],
    ids=["seen by the plan", "not empty", "another reason"],
)
def test_no_other_queue_is_removed(api, absent, messages, answer):
    answers = {
        ("PUT", QUEUE): answer,
        ("POST", f"{QUEUE}/get"): (200, messages),
        ("DELETE", QUEUE): (204, {}),
    }
    server = api(answers)
    said = make(server, {**call("PUT", "queues/%2F/q", {"durable": True}), "absent": absent})
    assert said["msg"] == f"PUT queues///q: 400, {answer[1]['reason']} (0 of 1 calls made)"
    assert "DELETE" not in [seen[0] for seen in server.seen]


def test_deleting_what_is_gone_is_done(api):
    server = api({("DELETE", "/api/users/guest"): (404, {"reason": "Not Found"})})
    assert "failed" not in make(server, call("DELETE", "users/guest"))


def test_putting_into_what_is_not_there_is_a_failure(api):
    server = api({("PUT", "/api/queues/gone/q"): (404, {"reason": "Not Found"})})
    assert make(server, call("PUT", "queues/gone/q", {"durable": True}))["failed"]


def test_a_binding_is_deleted_by_the_key_that_the_broker_gives(api):
    below = "/api/bindings/%2F/e/ex/q/q"
    found = [
        {"routing_key": "k", "arguments": {"x": 2}, "properties_key": "k~other"},
        {"routing_key": "k", "arguments": {"x": 1}, "properties_key": "k~a b"},
    ]
    server = api({("GET", below): (200, found), ("DELETE", f"{below}/k~a%20b"): (204, {})})
    binding = {"routing_key": "k", "arguments": {"x": 1}}
    assert "failed" not in make(server, call("DELETE", below.removeprefix("/api/"), binding=binding))
    assert [seen[0] for seen in server.seen] == ["GET", "DELETE"]


def test_a_binding_that_is_gone_is_done(api):
    below = "/api/bindings/%2F/e/ex/q/q"
    server = api({("GET", below): (200, [])})
    binding = {"routing_key": "k", "arguments": {}}
    assert "failed" not in make(server, call("DELETE", below.removeprefix("/api/"), binding=binding))


def test_check_mode_makes_no_call(api):
    server = api({})
    answer = make(server, call("PUT", "vhosts/a", {}), check=True)
    assert answer["changed"]
    assert server.seen == []


def test_nobody_listening_is_told_within_the_bound(api):
    server = api({})
    server.server.shutdown()
    server.server.server_close()
    answer = make(server, timeout=1)
    assert "no management API on 127.0.0.1" in answer["msg"]


def fake_rabbitmqctl(directory, users):
    """Knows four commands, writes down its argv, and keeps the password that it reads; as 4.0 only aloud."""
    program = directory / "rabbitmqctl"
    program.write_text(
        f"""#!/bin/sh
printf '%s\\n' "$*" >> {directory}/argv
case "$*" in
*list_users*) echo '{json.dumps(users)}' ;;
add_user*|change_password*) IFS= read -r line; printf '%s' "$line" > {directory}/password ;;
*set_user_tags*|*set_permissions*) ;;
*) echo "unexpected $*" >&2; exit 64 ;;
esac
"""
    )
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("users", "command"), [([], "add_user"), ([{"user": "admin", "tags": []}], "change_password")]
)
def test_an_administrator_who_cannot_log_in_is_made_and_the_password_stays_out_of_argv(
    api, tmp_path, users, command
):
    fake_rabbitmqctl(tmp_path, users)
    kept = tmp_path / "password"
    server = api({}, password=lambda: kept.read_text() if kept.exists() else "another")
    answer = make(server, path=tmp_path)
    assert answer["changed"]
    assert kept.read_text() == PASSWORD
    said = (tmp_path / "argv").read_text()
    assert f"\n{command} admin\n" in said
    assert "set_user_tags admin administrator" in said
    assert PASSWORD not in said


def test_a_user_without_the_tag_is_made_administrator(api, tmp_path):
    fake_rabbitmqctl(tmp_path, [{"user": "admin", "tags": []}])
    server = api({}, who={"name": "admin", "tags": ""})
    answer = make(server, path=tmp_path, timeout=1)
    assert "admin cannot log in although its password was set" in answer["msg"]
    assert "set_user_tags" in (tmp_path / "argv").read_text()


def test_a_failing_rabbitmqctl_is_told(api, tmp_path):
    program = tmp_path / "rabbitmqctl"
    program.write_text("#!/bin/sh\ncat >/dev/null\necho 'node is down' >&2\nexit 69\n")
    program.chmod(0o755)
    answer = make(api({}, password="another"), path=tmp_path)
    assert answer["msg"].startswith("rabbitmqctl add_user: node is down")
    assert os.fspath(tmp_path) not in answer["msg"]


def comm(process):
    return Path(f"/proc/{process.pid}/comm").read_text().strip()


def test_where_another_host_has_the_data_directory_no_call_is_made(api, tmp_path):
    """systemctl says that the unit starts, and its process is flock(1)."""
    server = api({})
    argv = ["flock", "--exclusive", "--no-fork", str(tmp_path / "lock"), "sleep", "60"]
    with subprocess.Popen(argv) as holder:
        wait(lambda: comm(holder) == "sleep", timeout=10)
        with subprocess.Popen(argv) as standby:
            wait(lambda: comm(standby) == "flock", timeout=10)
            program = tmp_path / "systemctl"
            program.write_text(f"#!/bin/sh\necho ActiveState=activating; echo MainPID={standby.pid}\n")
            program.chmod(0o755)
            answer = make(server, call("PUT", "vhosts/a", {}), path=tmp_path)
            standby.kill()
        holder.kill()
    assert (answer["changed"], server.seen) == (False, [])
    assert answer["note"] == "another host has the data directory, and makes them"
