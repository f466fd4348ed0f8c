"""Text of others made safe to show: what moves a cursor, hides or reorders text is spelled out instead."""

from __future__ import annotations

import re

_ODD = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0 and C1 controls: terminals act on both (ECMA-48)
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of text (UAX 9)
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff]"  # halves of surrogate pairs: they cannot be printed
)


def visible(text: str, keep: str = "") -> str:
    """The text with control characters as `\\u001b`, but for those in `keep`; JSON stays the same JSON."""
    return _ODD.sub(lambda odd: odd[0] if odd[0] in keep else f"\\u{ord(odd[0]):04x}", text)
