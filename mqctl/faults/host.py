"""Faults of a whole host."""

from __future__ import annotations

from mqctl.errors import MqctlError
from mqctl.faults.base import Power, Reach

_SILENCE = 2.0
"""Seconds after which a host that does not answer counts as off."""


class PowerOff:
    """A lab host loses its power."""

    def __init__(self, reach: Reach, power: Power, host: str) -> None:
        self._reach = reach
        self._power = power
        self._host = host

    def inject(self) -> None:
        """Every process ends at once."""
        self._power.off(self._host)

    def evidence(self) -> str | None:
        """It does not answer over SSH."""
        try:
            self._reach.shell(self._host, "true", _SILENCE)
        except MqctlError as error:
            return f"{self._host} does not answer over SSH: {error.message}"
        return None

    def heal(self) -> None:
        """Power is back; what is enabled starts."""
        self._power.on(self._host)
