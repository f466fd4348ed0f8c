"""The wheel, installed into an empty environment outside the checkout, does what the checkout does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.lab import subnets
from tests.lab.conftest import be_patient
from tests.lab.leftovers import own_name

pytestmark = pytest.mark.lab

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(place), str(CHECKOUT)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return next(place.glob("*.whl"))


@pytest.fixture(scope="module")
def mqctl(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    environment = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, timeout=120)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", str(wheel)]
    subprocess.run(pip, check=True, timeout=600)
    return environment / "bin" / "mqctl"


def test_no_secret_and_no_state_travels(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "mqctl/_share/playbooks/site.yml" in names
    assert "mqctl/_share/inventories/mirrored-3node/hosts.yml" in names
    assert not [name for name in names if "secrets.yml" in name or ".mqctl/" in name or "id_ed25519" in name]


def test_deploys_and_survives(mqctl: Path, tmp_path: Path) -> None:
    home = {
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PATH": os.environ["PATH"],
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(mqctl), *arguments], cwd=tmp_path, env=home, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    name = own_name("wheel")
    run("init", "mirrored-3node", name, "--lab", str(subnets.take()))
    be_patient(tmp_path / name)
    try:
        assert json.loads(run("deploy", name, "--json"))["outcome"] == "pass"
        assert "nothing to change" in run("deploy", name)
        # without a name: the inventory deployed last
        verdict = json.loads(run("failover-test", "--scenario", "kill-queue-leader", "--json"))
        assert verdict["outcome"] == "pass"
        assert verdict["verdicts"][0]["messages"]["confirmed"] > 0
    finally:
        run("destroy", name)


def test_a_bundled_name_is_found(mqctl: Path, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [str(mqctl), "render", "mirrored-3node", "--host", "lb1", "--component", "haproxy"],
        cwd=tmp_path,
        env=home,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "listen rabbitmq_cluster" in done.stdout
    assert (tmp_path / "data" / "mqctl" / "inventories" / "mirrored-3node" / "hosts.yml").is_file()
