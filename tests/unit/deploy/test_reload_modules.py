"""HAProxy's and Keepalived's modules when systemd says no: the next plan must see what is not in force."""

import os

import pytest

from . import modules

SYSTEMCTL = """#!/bin/sh
case "$1" in
  reload) echo "Job for $2 failed." >&2; exit 1 ;;
  show) echo MainPID=7 ;;
esac
"""
LONG_AGO = 1_000_000_000


@pytest.fixture
def host(tmp_path):
    """systemctl and journalctl of a host whose reload fails, and a configuration file of long ago."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("systemctl", SYSTEMCTL), ("journalctl", "#!/bin/sh\necho a word too many\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    config = tmp_path / "service.conf"
    config.write_text("")
    os.utime(config, (LONG_AGO, LONG_AGO))
    return programs, config


PROOFS = [("mqctl_haproxy", "socket"), ("mqctl_keepalived", "vrrp_state")]


@pytest.mark.parametrize(("name", "proof"), PROOFS)
def test_a_refused_reload_is_told_and_leaves_its_mark(host, tmp_path, name, proof):
    programs, config = host
    given = {"action": "reload", "config": str(config), proof: str(tmp_path / "proof"), "unit": "u"}
    answer = modules.run(name, given, path=programs)
    assert answer["failed"]
    assert answer["msg"] == "systemctl reload u: Job for u failed.\na word too many"
    assert config.stat().st_mtime > LONG_AGO


@pytest.mark.parametrize(("name", "proof"), PROOFS)
def test_check_mode_touches_nothing(host, tmp_path, name, proof):
    programs, config = host
    given = {"action": "reload", "config": str(config), proof: str(tmp_path / "proof"), "unit": "u"}
    answer = modules.run(name, given, check=True, path=programs)
    assert (answer["changed"], answer["note"]) == (True, "would reload")
    assert config.stat().st_mtime == LONG_AGO
