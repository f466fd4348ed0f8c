"""mqctl's lines in /etc/hosts, and that nothing else of the file changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqctl.model.hostsblock import BEGIN, END, addresses, merge

BLOCK = "10.0.0.1 mq1\n10.0.0.2 mq2\n"
MANAGED = f"{BEGIN}\n{BLOCK}{END}\n"

DEBIAN = "127.0.0.1\tlocalhost\n127.0.1.1\tmq1.example mq1\n\n# IPv6\n::1     localhost ip6-localhost\n"

CASES = {
    "empty": ("", MANAGED),
    "appended": ("127.0.0.1 localhost\n", "127.0.0.1 localhost\n" + MANAGED),
    "no last line break": ("127.0.0.1 localhost", "127.0.0.1 localhost\n" + MANAGED),
    "debian": (
        DEBIAN,
        "127.0.0.1\tlocalhost\n\n# IPv6\n::1     localhost ip6-localhost\n" + MANAGED,
    ),
    "other address of a peer": ("192.0.2.9 mq1\n192.0.2.8 db1\n", "192.0.2.8 db1\n" + MANAGED),
    "one name of several": ("192.0.2.9 mq1 db1 # rack 3\n", "192.0.2.9 db1 # rack 3\n" + MANAGED),
    "loopback": ("127.0.0.1 localhost mq1\n", "127.0.0.1 localhost\n" + MANAGED),
    "upper case": ("192.0.2.9 MQ1\n", MANAGED),
    "IPv6 of a peer": ("2001:db8::1 mq2\n", MANAGED),
    "the right address already": ("10.0.0.1\tmq1\n", "10.0.0.1\tmq1\n" + MANAGED),
    "old block in the middle": (
        f"# top\n{BEGIN}\n10.9.9.9 old\n{END}\n# bottom\n",
        f"# top\n{MANAGED}# bottom\n",
    ),
    "two old blocks": (f"{MANAGED}# mid\n{MANAGED}", f"{MANAGED}# mid\n"),
    "begin without end": (f"{BEGIN}\n192.0.2.7 printer\n", f"{MANAGED}192.0.2.7 printer\n"),
    "end without begin": (f"192.0.2.7 printer\n{END}\n", f"192.0.2.7 printer\n{MANAGED}"),
    "commented entry": ("# 192.0.2.9 mq1\n", "# 192.0.2.9 mq1\n" + MANAGED),
}


@pytest.mark.parametrize("case", CASES)
def test_merge(case: str) -> None:
    live, wanted = CASES[case]
    assert merge(live, BLOCK) == wanted


@pytest.mark.parametrize("case", CASES)
def test_merge_is_idempotent(case: str) -> None:
    once = merge(CASES[case][0], BLOCK)
    assert merge(once, BLOCK) == once


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [BEGIN, END, "", "127.0.1.1 mq1", "192.0.2.1 mq2 other", "10.0.0.1 mq1", "::1 mq1 x#y"]
        ),
        st.text(alphabet=st.characters(blacklist_categories=("Cs",)), max_size=12),
    )
)


@given(LINES, st.booleans())
def test_any_file_is_merged_once_and_for_all(lines: list[str], last: bool) -> None:
    live = "\n".join(lines) + ("\n" if last else "")
    once = merge(live, BLOCK)
    assert merge(once, BLOCK) == once
    assert once.count(MANAGED) == 1
    assert {"mq1": "10.0.0.1", "mq2": "10.0.0.2"}.items() <= addresses(once).items()
    assert "127.0.1.1" not in addresses(once).values()


@given(LINES)
def test_lines_that_concern_no_peer_stay_as_they_are(lines: list[str]) -> None:
    foreign = [
        line
        for line in "\n".join(lines).split("\n")
        if not {"mq1", "mq2"} & set(line.lower().split()) and "127.0.1.1" not in line and "mqctl" not in line
    ]
    assert merge("\n".join([*foreign, ""]), BLOCK) == "\n".join([*foreign, ""]) + MANAGED
