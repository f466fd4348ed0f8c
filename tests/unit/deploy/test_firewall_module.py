"""The firewall's module: nothing is believed but what the kernel has."""

import os

import pytest

from . import modules

SYSTEMCTL = """#!/bin/sh
echo "$*" >> "{log}"
case "$1" in
  start|reload) touch "{table}" ;;
  disable) [ -n "$STUCK" ] || rm -f "{table}" ;;
  cat) [ -e "{unit}" ] ;;
esac
"""
NFT = """#!/bin/sh
case "$1" in
  list) echo "table inet other"; [ ! -e "{table}" ] || echo "table inet mqctl" ;;
  delete) [ -n "$STUCK" ] || rm -f "{table}" ;;
esac
"""


@pytest.fixture
def host(tmp_path):
    """systemctl and nft of a host, which remember whether the table is loaded."""
    programs = tmp_path / "bin"
    programs.mkdir()
    files = {name: tmp_path / name for name in ("log", "table", "unit")}
    for name, text in (("systemctl", SYSTEMCTL), ("nft", NFT), ("journalctl", "#!/bin/sh\necho no rules\n")):
        (programs / name).write_text(text.format(**files))
        (programs / name).chmod(0o755)
    files["unit"].write_text("")
    files["log"].write_text("")
    return programs, files


def call(host, action, **more):
    return modules.run("mqctl_firewall", {"action": action, "timeout": 1, **more}, path=host[0])


@pytest.mark.parametrize(("action", "note"), [("start", "loaded"), ("reload", "loaded again")])
def test_it_is_loaded(host, action, note):
    assert call(host, action)["note"] == note


def test_a_unit_that_loads_nothing_is_told(host):
    (host[0] / "systemctl").write_text("#!/bin/sh\n")
    answer = call(host, "start")
    assert answer["failed"]
    assert answer["msg"] == "the kernel has no table inet mqctl\nno rules (waited 1 s)"


def test_it_is_removed_by_what_loaded_it(host):
    host[1]["table"].write_text("")
    assert call(host, "stop")["note"] == "removed"
    assert "disable --now --quiet mqctl-firewall.service" in host[1]["log"].read_text()
    assert not host[1]["table"].exists()


def test_it_is_removed_when_its_unit_is_gone(host):
    host[1]["unit"].unlink()
    host[1]["table"].write_text("")
    assert call(host, "stop")["note"] == "removed"
    assert "disable" not in host[1]["log"].read_text()
    assert not host[1]["table"].exists()


def test_one_that_stays_is_told(host, monkeypatch):
    monkeypatch.setitem(os.environ, "STUCK", "1")
    host[1]["table"].write_text("")
    assert call(host, "stop")["msg"] == "the kernel still has table inet mqctl (waited 1 s)"


def test_check_mode_touches_nothing(host):
    answer = modules.run("mqctl_firewall", {"action": "start"}, check=True, path=host[0])
    assert (answer["changed"], answer["note"]) == (True, "would start")
    assert host[1]["log"].read_text() == ""
