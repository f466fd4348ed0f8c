"""How long the gates are waited for, in seconds, each with its reason."""

from __future__ import annotations

SETTLE = 180.0
"""After a deploy that changed something: VRRP's election, HAProxy's rise, mirrors that still copy."""
STEADY = 15.0
"""After one that changed nothing: only what moves by chance, a check in transition or a node just back."""
