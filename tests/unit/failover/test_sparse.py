"""The compact books: a dictionary that defaults to 0, whatever is thrown at it."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from mqctl.model.sparse import Sparse

NUMBERS = st.one_of(st.integers(0, 3000), st.integers(0, 2**60))


@given(st.lists(st.tuples(NUMBERS, st.integers(-(2**63), 2**63 - 1))), NUMBERS)
def test_it_is_a_dictionary(writes: list[tuple[int, int]], asked: int) -> None:
    numbers, model = Sparse("q"), dict[int, int]()
    for index, value in writes:
        numbers[index] = value
        model[index] = value
    assert numbers[asked] == model.get(asked, 0)
    assert list(numbers.items()) == sorted((index, value) for index, value in model.items() if value)


def test_a_million_marks_take_a_megabyte() -> None:
    marks = Sparse("b")
    for index in range(1_000_000):
        marks[index] = 1
    blocks = marks._blocks
    assert sum(map(sys.getsizeof, blocks.values())) + sys.getsizeof(blocks) < 1_300_000
