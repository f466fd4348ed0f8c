"""Deploys that are killed, by one seed of each kind of blow; `make kills` plays fifty of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import kills

pytestmark = [pytest.mark.lab, pytest.mark.matrix]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kills.Site]:
    with kills.site(tmp_path_factory.mktemp("kills")) as made:
        yield made


@pytest.mark.parametrize("seed", [1, 2, 6, 27, 29])
def test_the_next_deploy_converges(site: kills.Site, seed: int, tmp_path: Path) -> None:
    case = kills.Case.of(seed)
    if not case.first:
        kills.deployed(site)
    told = kills.play(site, case, tmp_path)
    assert told.problems == []
    assert told.hit
    assert told.looks > 20
    assert told.counts is None if case.first else told.counts
