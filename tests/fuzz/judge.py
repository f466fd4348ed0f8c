"""What must hold for every inventory: refused in our words or rendered, soon, and without a secret."""

from __future__ import annotations

import contextlib
import io
import signal
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from mqctl.cli import tell
from mqctl.errors import ExitCode, MqctlError, UsageError
from mqctl.inventory import assemble
from mqctl.inventory.drafting import Drafted, draft
from mqctl.inventory.errors import InventoryError, ShadowedSecretsError
from mqctl.inventory.listing import Listing
from mqctl.inventory.load import ciphertexts
from mqctl.model.base import reveal
from mqctl.model.survival import survival
from mqctl.render.bundle import render
from mqctl.render.context.graph import graph

from .corpus import MARK, secrets

Outcome = Literal["refused", "cannot carry", "accepted"]
LIMIT = 10.0
"""Seconds of this process's CPU for one case, whatever else the machine does; an ordinary one takes 0.02."""
_INVENTORY = Path("/inventory")
_PLAIN = f"{MARK}vaultText"


class BrokenError(AssertionError):
    """A case that does not hold, and why."""


@contextlib.contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """BrokenError when the body computes for longer; nothing in it waits."""

    def overdue(*_: Any) -> None:
        raise BrokenError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGPROF, overdue)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def judge(listing: Listing) -> Outcome:
    """What became of the inventory. Whatever it raises is a defect of mqctl."""
    with bounded(LIMIT):
        drafted = _drafted(listing)
        if drafted.problems:
            _check(drafted)
            return "refused"
        return _accepted(listing, drafted)


def _drafted(listing: Listing) -> Drafted:
    return draft(listing, {text: _opened(text) for text in ciphertexts(listing.hostvars)})


def _opened(text: str) -> str | UsageError:
    return (
        _PLAIN
        if text.startswith("$ANSIBLE_VAULT")
        else UsageError("ansible-vault could not read the vault", "x")
    )


def _check(drafted: Drafted) -> None:
    for problem in drafted.problems:
        if not (problem.path and problem.rule and problem.hint):
            raise BrokenError(f"a problem without path, rule or hint: {problem!r}")
    refused = InventoryError(_INVENTORY, drafted.problems)
    if len(refused.message.split("\n")) != 1 + 2 * len(drafted.problems):
        raise BrokenError(f"a problem that breaks out of its line: {refused.message!r}")
    told(refused)


def told(error: MqctlError) -> str:
    """What the terminal gets of a refusal, which must be safe to show."""
    if error.exit_code != ExitCode.REFUSED:
        raise BrokenError(f"exit code {error.exit_code} for an inventory: {error.message}")
    with contextlib.redirect_stderr(io.StringIO()) as screen:
        tell(error)
    safe(screen.getvalue())
    return screen.getvalue()


def safe(text: str) -> None:
    """BrokenError for a secret, a control character, or what turns the direction of text."""
    if MARK in text:
        raise BrokenError(f"a secret is shown: {text!r}")
    if "Traceback" in text or "mqctl itself failed" in text:
        raise BrokenError(f"a traceback: {text}")
    odd = {character for character in text if _odd(character)}
    if odd:
        raise BrokenError(f"control characters {sorted(map(ascii, odd))} in {text!r}")


def _odd(character: str) -> bool:
    turns = unicodedata.bidirectional(character) in (
        "LRE",
        "RLE",
        "LRO",
        "RLO",
        "PDF",
        "LRI",
        "RLI",
        "FSI",
        "PDI",
    )
    return character not in "\n\t" and (unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or turns)


def _accepted(listing: Listing, drafted: Drafted) -> Outcome:
    absent = assemble.missing(drafted.draft)
    if absent:
        listing = _with(listing, absent)
        drafted = _drafted(listing)
        shadowed = assemble.missing(drafted.draft)
        if shadowed:
            told(ShadowedSecretsError(_INVENTORY, shadowed))
            return "refused"
        if drafted.problems:
            raise BrokenError(f"refused once its secrets are there: {drafted.problems}")
    for site in drafted.draft.sites:
        survival(site)
    graph("name", drafted.draft)
    topology = assemble.topology(drafted, _INVENTORY)
    try:
        bundles = render(topology)
    except UsageError as error:
        told(error)
        return "cannot carry"
    for bundle in bundles.values():
        for spec in bundle.files:
            reveal(spec.content).encode()
    return "accepted"


def _with(listing: Listing, absent: tuple[str, ...]) -> Listing:
    """What `mqctl.inventory.secrets` adds to group_vars/all."""
    given = secrets(absent)
    passwords = given.pop("rabbitmq_passwords", {})

    def filled(variables: Any) -> dict[str, Any]:
        own = (
            {"rabbitmq_passwords": {**variables.get("rabbitmq_passwords", {}), **passwords}}
            if passwords
            else {}
        )
        return {**given, **variables, **own}

    return replace(listing, hostvars={host: filled(values) for host, values in listing.hostvars.items()})


@dataclass(frozen=True)
class Failure:
    """A case to repeat: `python -m tests.fuzz --only NAME:SEED`."""

    name: str
    seed: int
    why: str
