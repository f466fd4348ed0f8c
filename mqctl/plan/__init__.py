"""Wanted against seen: what would have to change. Pure; nothing here touches a host."""

from __future__ import annotations

from mqctl.plan.ansible import for_ansible
from mqctl.plan.make import make

__all__ = ["for_ansible", "make"]
