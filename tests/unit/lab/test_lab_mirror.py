"""The Debian mirror of this machine, from apt sources as people have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqctl.lab.mirror import Mirrors, choose, deb822, here, one_line, sources_list

DEB822 = """\
# made by an installer
Types: deb deb-src
URIs: http://ftp.example.org/debian/
Suites: bookworm
 bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://ftp.example.org/debian-security
Suites: bookworm-security
Components: main
"""
OURS = Mirrors("http://ftp.example.org/debian", "http://ftp.example.org/debian-security")
DEBIANS = Mirrors("http://deb.debian.org/debian", "http://deb.debian.org/debian-security")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deb http://ftp.example.org/debian bookworm main\n", OURS.main),
        (
            "deb [arch=amd64] https://ftp.example.org/debian/ trixie main non-free # x\n",
            "https://ftp.example.org/debian",
        ),
        ("# deb http://ftp.example.org/debian bookworm main\n", DEBIANS.main),
        ("deb-src http://ftp.example.org/debian bookworm main\n", DEBIANS.main),
        ("deb cdrom:[Debian 12]/debian bookworm main\n", DEBIANS.main),
        ("deb mirror+file:/etc/apt/mirrors/debian bookworm main\n", DEBIANS.main),
        ("deb http://archive.ubuntu.com/ubuntu noble main\n", DEBIANS.main),
        ("deb https://download.docker.com/linux/debian bookworm stable\n", DEBIANS.main),
        ("deb [signed-by=/usr/share/keyrings/x.gpg] https://pkgs.x.com/debian bookworm main\n", DEBIANS.main),
        ("deb https://artifacts.elastic.co/packages/8.x/apt stable main\n", DEBIANS.main),
        ("deb http://ftp.example.org/debian\n", DEBIANS.main),
        ("", DEBIANS.main),
    ],
)
def test_one_line_sources(text: str, expected: str) -> None:
    assert choose(one_line(text)).main == expected


def test_deb822_sources() -> None:
    assert choose(deb822(DEB822)) == OURS


def test_a_disabled_deb822_source_does_not_count() -> None:
    assert choose(deb822(DEB822.replace("Types: deb\n", "Types: deb\nEnabled: no\n"))) == Mirrors(
        OURS.main, DEBIANS.security
    )


def test_both_forms_on_one_machine(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text("# see sources.list.d\n")
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/a.list").write_text(
        "deb https://download.docker.com/linux/debian bookworm stable\n"
    )
    (tmp_path / "sources.list.d/debian.sources").write_text(DEB822)
    (tmp_path / "sources.list.d/debian.sources.bak").write_text(DEB822.replace("ftp", "old"))
    assert here(tmp_path) == OURS


def test_a_machine_without_apt(tmp_path: Path) -> None:
    assert here(tmp_path / "none") == DEBIANS


def test_sid_has_no_security_archive() -> None:
    assert sources_list("sid", OURS) == "deb http://ftp.example.org/debian sid main\n"
    assert sources_list("trixie", OURS).splitlines()[1:] == [
        "deb http://ftp.example.org/debian-security trixie-security main"
    ]
