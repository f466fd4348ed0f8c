"""What of a value may be shown in a message: never what could be a secret."""

from __future__ import annotations

import re
from typing import Any

from mqctl.model.problem import quoted

MASK = "********"
_SECRETIVE = re.compile(r"pass|secret|cookie|hash|token|credential|private|_key\b|\buri\b", re.IGNORECASE)
_FREE = re.compile(r"^(rabbitmq_(extra_conf|advanced_config|environment)|ansible_)")
"""Variables that carry anything, a plugin's password too."""
_LONGEST = 60


def secretive(path: str) -> bool:
    """Whether a variable of that path may hold a secret."""
    return bool(_SECRETIVE.search(path) or (_FREE.match(path) and not path.startswith("ansible_host")))


def shown(path: str, value: Any) -> str:
    """The value as a message may show it: `********` for a secret, mappings by their keys, long texts cut."""
    if isinstance(value, dict) and value and secretive(path):
        # an unquoted `half: half` makes a key of half a password
        return f"a mapping with {MASK}"
    if isinstance(value, dict):
        return f"a mapping with {', '.join(sorted(map(str, value)))}" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    if secretive(path) or (isinstance(value, str) and re.search(r"://[^/\s]*:[^/\s]*@", value)):
        return MASK
    text = quoted(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
