"""Numbers by number, a few bytes each: for millions of messages, and no hostile history can inflate it."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Literal

_BITS = 10
_SIZE = 1 << _BITS
_MASK = _SIZE - 1


class Sparse:
    """An array of signed bytes ("b") or 64-bit integers ("q") in which only used parts take memory.

    What was never set is 0.
    """

    __slots__ = ("_blocks", "_empty")

    def __init__(self, typecode: Literal["b", "q"]) -> None:
        self._blocks: dict[int, array[int]] = {}
        self._empty = array(typecode, bytes(_SIZE * array(typecode).itemsize))

    def __getitem__(self, index: int) -> int:
        block = self._blocks.get(index >> _BITS)
        return block[index & _MASK] if block is not None else 0

    def __setitem__(self, index: int, value: int) -> None:
        key = index >> _BITS
        block = self._blocks.get(key)
        if block is None:
            block = self._blocks[key] = self._empty[:]
        block[index & _MASK] = value

    def items(self) -> Iterator[tuple[int, int]]:
        """(index, value) of all that is not 0, in order."""
        for key in sorted(self._blocks):
            start = key << _BITS
            for offset, value in enumerate(self._blocks[key]):
                if value:
                    yield start + offset, value
