"""A case by its name and seed: the same inventory on every machine."""

from __future__ import annotations

from random import Random

from mqctl.inventory.listing import Listing

from . import corpus
from .mutate import mutated


def case(name: str, seed: int) -> Listing:
    """The mutated listing of a bundled inventory."""
    return mutated(corpus.listing(name), Random(f"{name}:{seed}"))
