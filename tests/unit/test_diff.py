"""Diffs never carry what is masked."""

from __future__ import annotations

from pydantic import SecretStr

from mqctl.model.bundle import FileSpec
from mqctl.model.diff import file_diff, mask, unified

PASSWORD = (r"auth_pass (\S+)",)


def spec(**fields: object) -> FileSpec:
    return FileSpec.model_validate({"path": "/f", "component": "hosts", "content": "new", **fields})


def test_equal_texts_have_no_diff() -> None:
    assert unified("/f", "a\n", "a\n") == ""


def test_a_change_is_a_unified_diff() -> None:
    assert unified("/f", "a\nb\n", "a\nc\n") == "--- /f\n+++ /f\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"


def test_a_missing_last_line_break_does_not_join_lines() -> None:
    assert unified("/f", "a", "b").splitlines()[-4:] == [
        "-a",
        "\\ No newline at end of file",
        "+b",
        "\\ No newline at end of file",
    ]


def test_only_group_one_is_masked_on_every_line() -> None:
    assert mask("auth_pass one\nauth_pass two\nrest", PASSWORD) == (
        "auth_pass ********\nauth_pass ********\nrest"
    )


def test_an_optional_group_that_did_not_match_changes_nothing() -> None:
    assert mask("plain", (r"plain( \S+)?",)) == "plain"


def test_masked_values_that_differ_are_told_without_being_shown() -> None:
    diff = unified("/f", "auth_pass old\n", "auth_pass new\n", PASSWORD)
    assert "only masked values differ" in diff
    assert "old" not in diff
    assert "new" not in diff


def test_old_secrets_are_masked_beside_other_changes() -> None:
    diff = unified("/f", "auth_pass old\nx\n", "auth_pass new\ny\n", PASSWORD)
    assert "-x" in diff
    assert "+y" in diff
    assert "old" not in diff
    assert "new" not in diff


def test_a_secret_file_shows_nothing() -> None:
    assert file_diff(spec(secrecy="secret"), SecretStr("old"), SecretStr("new")) == ""


def test_masks_apply_to_masked_files() -> None:
    masked = spec(secrecy="masked", masks=PASSWORD)
    assert "********" in file_diff(masked, None, SecretStr("auth_pass x\n"))
