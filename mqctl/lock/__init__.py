"""The lock that hosts hold for one run of mqctl, whatever machine or directory it runs from."""

from mqctl.lock.hosts import HostLock, LockedError

__all__ = ["HostLock", "LockedError"]
