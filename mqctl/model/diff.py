"""Unified diffs of files, with what is secret masked on both sides."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from pydantic import SecretStr

from mqctl.model.base import reveal
from mqctl.model.bundle import FileSpec

MASK = "********"


def mask(text: str, patterns: Iterable[str]) -> str:
    """The text with every group 1 of every match replaced by asterisks; patterns match line by line."""
    for pattern in patterns:
        text = re.sub(pattern, _mask_group, text, flags=re.MULTILINE)
    return text


def _mask_group(match: re.Match[str]) -> str:
    start, end = match.span(1)
    if start < 0:
        return match.group(0)
    whole, offset = match.group(0), match.start()
    return whole[: start - offset] + MASK + whole[end - offset :]


def unified(path: str, before: str, after: str, masks: Sequence[str] = ()) -> str:
    """A unified diff of two texts of a file; says so when only masked values differ. Empty when equal."""
    if before == after:
        return ""
    old, new = mask(before, masks), mask(after, masks)
    if old == new:
        return f"--- {path}\n+++ {path}\n(only masked values differ)\n"
    lines = difflib.unified_diff(_lines(old), _lines(new), fromfile=path, tofile=path)
    return "".join(lines)


def file_diff(spec: FileSpec, before: SecretStr | None, after: SecretStr | None) -> str:
    """What a file's change looks like to a reader; empty for files whose content is secret as a whole."""
    if spec.secrecy == "secret":
        return ""
    masks = spec.masks if spec.secrecy == "masked" else ()
    return unified(spec.path, _text(before), _text(after), masks)


def _text(content: SecretStr | None) -> str:
    return "" if content is None else reveal(content)


def _lines(text: str) -> list[str]:
    """Lines that all end in a line break, the last one too: a diff's lines must not run together."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file\n"
    return lines
