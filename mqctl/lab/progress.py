"""How the lab tells what it does."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, str], None]
"""Called with a host or a phase and what happens there; from several threads at once."""
