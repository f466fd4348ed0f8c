"""Choosing among bundles, and writing them into a directory and nowhere else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from mqctl.errors import UsageError
from mqctl.model.bundle import FileSpec, HostBundle
from mqctl.render.bundle import render
from mqctl.workflows.bundle_directory import differences, write
from mqctl.workflows.render import select
from tests.topologies import SECRETS, mirrored_3node

BUNDLES = render(mirrored_3node())


def one_file(content: str, **attributes: object) -> dict[str, HostBundle]:
    fields = {"path": "/etc/a/b.conf", "component": "rabbitmq", "content": SecretStr(content), **attributes}
    spec = FileSpec.model_validate(fields)
    return {"mq1": HostBundle(host="mq1", packages=(), files=(spec,), services=())}


def test_all_of_it() -> None:
    assert select(BUNDLES, None, None) == BUNDLES


def test_one_host_and_one_component() -> None:
    chosen = select(BUNDLES, ["lb1"], ["haproxy"])
    assert {name: [spec.path for spec in bundle.files] for name, bundle in chosen.items()} == {
        "lb1": ["/etc/haproxy/haproxy.cfg"]
    }


def test_a_component_leaves_out_hosts_without_it() -> None:
    assert list(select(BUNDLES, None, ["rabbitmq"])) == ["mq1", "mq2", "mq3"]


@pytest.mark.parametrize(
    ("hosts", "components", "said"),
    [
        (["mq9"], None, "--host names 'mq9'"),
        ([""], None, "--host names ''"),
        ([], None, "--host names nothing"),
        (None, ["nginx"], "--component names 'nginx'"),
        (None, [""], "--component names ''"),
        (["mq1"], ["haproxy"], "no file of haproxy on mq1"),
    ],
)
def test_what_is_not_there_is_refused(
    hosts: list[str] | None, components: list[str] | None, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        select(BUNDLES, hosts, components)
    assert caught.value.message == said


def test_written_files_have_their_modes_and_secrets_are_private(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    written = write(out, BUNDLES)
    modes = {str(path.relative_to(out)): stat.S_IMODE(path.stat().st_mode) for path in written}
    assert modes["mq1/etc/hosts"] == 0o644
    assert modes["lb1/etc/keepalived/notify"] == 0o755
    for path in written:
        if [secret for secret in SECRETS if secret in path.read_text()]:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    made = [path for path in (out, *out.rglob("*")) if path.is_dir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700}


def test_nothing_else_is_left(tmp_path: Path) -> None:
    written = write(tmp_path, BUNDLES)
    write(tmp_path, BUNDLES)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(written)


def test_a_file_that_must_not_exist_goes(tmp_path: Path) -> None:
    write(tmp_path, one_file("old"))
    write(tmp_path, one_file("", kind="absent"))
    assert not (tmp_path / "mq1/etc/a/b.conf").exists()


@pytest.mark.parametrize("link", ["mq1", "mq1/etc", "mq1/etc/a", "mq1/etc/a/b.conf"])
def test_links_lead_nowhere(tmp_path: Path, link: str) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (out / link).parent.mkdir(parents=True)
    (out / link).symlink_to(elsewhere)
    for act in (write, lambda directory, bundles: list(differences(directory, bundles))):
        with pytest.raises(UsageError, match="leads out of"):
            act(out, one_file("x"))
    assert not list(elsewhere.iterdir())


def test_no_path_leads_upwards(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="leads out of"):
        write(tmp_path / "out", one_file("x", path="/../../b"))
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="is not a directory"):
        write(tmp_path / "out", one_file("x"))
    (tmp_path / "mq1").write_text("mine")
    with pytest.raises(UsageError, match=r"cannot write .*: not a directory"):
        write(tmp_path, one_file("x"))


def test_what_was_written_does_not_differ(tmp_path: Path) -> None:
    write(tmp_path, BUNDLES)
    assert list(differences(tmp_path, BUNDLES)) == []


def test_a_difference_is_a_diff(tmp_path: Path) -> None:
    write(tmp_path, one_file("a\nb\n"))
    assert list(differences(tmp_path, one_file("a\nc\n"))) == [
        "--- mq1/etc/a/b.conf\n+++ mq1/etc/a/b.conf\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    ]


def test_secrets_do_not_show_in_differences(tmp_path: Path) -> None:
    shown = "".join(differences(tmp_path, BUNDLES))
    assert "+listeners.tcp.default = 5672\n" in shown
    assert "mq1/var/lib/rabbitmq/.erlang.cookie: contents differ\n" in shown
    assert not [secret for secret in SECRETS if secret in shown]
