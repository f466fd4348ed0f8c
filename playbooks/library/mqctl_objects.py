"""Ansible module: makes the plan's calls to the management API, as an administrator it first sees to."""

from __future__ import annotations

DOCUMENTATION = """
---
module: mqctl_objects
short_description: Creates, changes and removes objects of a RabbitMQ cluster
description:
  - Calls the management API on this host's loopback address, in the order given.
  - An administrator that cannot log in is made, or gets its password again, by the node or C(rabbitmqctl).
  - Passwords travel over pipes only.
options:
  port: {description: Port of the management API., type: int, default: 15672}
  node: {description: "This host's node, e.g. C(rabbit@mq1).", type: str, required: true}
  user: {description: The administrator., type: str, required: true}
  password: {description: The administrator's password., type: str, required: true}
  requests:
    description: The calls, in order.
    type: list
    elements: dict
    required: true
    suboptions:
      method: {description: HTTP method., type: str, choices: [PUT, POST, DELETE], required: true}
      path: {description: "Below C(/api), percent-encoded.", type: str, required: true}
      body: {description: A JSON document., type: str}
      binding: {description: "The binding below C(path) to delete, its key and arguments.", type: dict}
      absent: {description: The plan saw no such object., type: bool, default: false}
  timeout: {description: Seconds until the API must answer., type: int, default: 60}
  unit: {description: "The systemd unit; one that waits for its lock has nothing to call.", type: str,
         default: rabbitmq-server.service}
author:
  - mqctl
"""

EXAMPLES = """
- name: Make a virtual host
  mqctl_objects:
    node: rabbit@mq1
    user: admin
    password: "{{ rabbitmq_passwords.admin }}"
    requests:
      - {method: PUT, path: vhosts/orders, body: "{}"}
"""

RETURN = """
note:
  description: How many calls were made.
  type: str
  returned: success
"""

import base64
import http.client
import json
import urllib.parse

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mqctl_busy import busy
from ansible.module_utils.mqctl_node import make_administrator as by_itself
from ansible.module_utils.mqctl_systemd import NotDoneError, poll, run, waits

SECONDS = 30
"""For an answer to one call."""
IMPORT_SECONDS = 60
"""For that to an import; by then RabbitMQ has closed the connection itself (management.tcp.idle_timeout)."""


class Api:
    """The management API as one user."""

    def __init__(self, port, user, password):
        self.port = port
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}

    def call(self, method, path, body=None):
        """(status, decoded answer); OSError when nobody listens."""
        patience = IMPORT_SECONDS if path == "definitions" else SECONDS
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)
        try:
            data = None if body is None else body.encode()
            connection.request(method, "/api/" + path.lstrip("/"), body=data, headers=self.headers)
            answer = connection.getresponse()
            return answer.status, decoded(answer.read())
        except http.client.HTTPException as error:
            raise OSError(f"no HTTP answer: {type(error).__name__}") from error
        finally:
            connection.close()

    def status(self):
        """200: may do everything; 401: unknown user or password; 0: nobody listens yet."""
        try:
            code, who = self.call("GET", "whoami")
        except OSError:
            return 0
        if code == 200 and "administrator" not in tags(who):
            return 401
        return code


def decoded(data):
    try:
        return json.loads(data) if data else {}
    except ValueError:
        return {}


def tags(who):
    """A user's tags: a list from 3.9 on, a comma-separated text before."""
    told = who.get("tags", [])
    return told if isinstance(told, list) else told.split(",")


def log_in(api, node, user, password, timeout):
    """See to it that the administrator can log in; whether something had to be done."""
    code = poll(
        api.status, timeout, lambda: f"no management API on 127.0.0.1:{api.port}: is its plugin enabled"
    )
    if code == 200:
        return False
    make_administrator(node, user, password)
    poll(lambda: api.status() == 200, timeout, lambda: f"{user} cannot log in although its password was set")
    return True


def make_administrator(node, user, password):
    """Neither the node itself nor rabbitmqctl asks root for a password; the new one goes through a pipe."""
    if by_itself(node, user, password):
        return
    known = run(["rabbitmqctl", "--quiet", "list_users", "--formatter", "json"])
    names = [entry.get("user") for entry in decoded(known.stdout) or []]
    rabbitmqctl(["change_password" if user in names else "add_user", user], stdin=password + "\n")
    rabbitmqctl(["set_user_tags", user, "administrator"])
    rabbitmqctl(["set_permissions", "-p", "/", user, ".*", ".*", ".*"])


def rabbitmqctl(arguments, stdin=None):
    """Not quiet with a standard input: 4.0 on Erlang 27 then waits for ever for a terminal to read from."""
    quiet = ["--quiet"] if stdin is None else []
    done = run(["rabbitmqctl", *quiet, *arguments], stdin=stdin)
    if done.returncode:
        raise NotDoneError(f"rabbitmqctl {arguments[0]}: {(done.stderr or done.stdout).strip()[-300:]}")


def perform(api, request):
    """One call; a DELETE of what is gone already is as good as done."""
    path = request["path"]
    if request["binding"] is not None:
        path = binding_path(api, path, request["binding"])
        if path is None:
            return
    code, answer = api.call(request["method"], path, request["body"])
    if code == 400 and request["absent"] and made_by_a_link(api, path, answer):
        perform(api, {"method": "DELETE", "path": path, "body": None, "binding": None, "absent": False})
        code, answer = api.call(request["method"], path, request["body"])
    if code >= 400 and not (request["method"] == "DELETE" and code == 404):
        reason = answer.get("reason") or answer.get("error") or "no reason given"
        raise NotDoneError(f"{request['method']} {urllib.parse.unquote(path)}: {code}, {reason}")


def made_by_a_link(api, path, answer):
    """Whether it is an empty queue that came after the plan, with other arguments.

    Federation links and shovels make the queues that they do not find, with those of the other end.
    """
    if not path.startswith("queues/") or "inequivalent" not in answer.get("reason", ""):
        return False
    look = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "base64"}
    code, messages = api.call("POST", path + "/get", json.dumps(look))
    return code == 200 and messages == []


def binding_path(api, path, wanted):
    """The binding's own path, by the key that only the broker computes; None when it does not exist."""
    code, found = api.call("GET", path)
    if code == 404:
        return None
    if code >= 400:
        raise NotDoneError(f"GET {urllib.parse.unquote(path)}: {code}")
    for entry in found:
        if all(entry.get(key) == value for key, value in wanted.items()):
            return f"{path}/{urllib.parse.quote(entry['properties_key'], safe='')}"
    return None


def main():
    module = AnsibleModule(
        argument_spec={
            "port": {"type": "int", "default": 15672},
            "node": {"type": "str", "required": True},
            "user": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "requests": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "method": {"type": "str", "required": True, "choices": ["PUT", "POST", "DELETE"]},
                    "path": {"type": "str", "required": True},
                    "body": {"type": "str", "no_log": True},
                    "binding": {"type": "dict"},
                    "absent": {"type": "bool", "default": False},
                },
            },
            "timeout": {"type": "int", "default": 60},
            "unit": {"type": "str", "default": "rabbitmq-server.service"},
        },
        supports_check_mode=True,
    )
    given = module.params
    requests = given["requests"]
    if module.check_mode:
        module.exit_json(changed=bool(requests), note=f"would make {len(requests)} calls")
    made = 0
    busy()
    try:
        if waits(given["unit"]):
            module.exit_json(changed=False, note="another host has the data directory, and makes them")
        api = Api(given["port"], given["user"], given["password"])
        repaired = log_in(api, given["node"], given["user"], given["password"], given["timeout"])
        for request in requests:
            perform(api, request)
            made += 1
    except (NotDoneError, OSError) as why:
        module.fail_json(msg=f"{why} ({made} of {len(requests)} calls made)")
    module.exit_json(changed=bool(requests) or repaired, note=f"{made} calls")


if __name__ == "__main__":
    main()
