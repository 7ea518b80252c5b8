"""The comparison of clients: ours does right in every case, with both drivers."""

from __future__ import annotations

import pytest

from benchmarks.comparison.cases import CASES, Case
from benchmarks.comparison.run import ROOT, Peer, ours, verdict


@pytest.mark.slow
@pytest.mark.parametrize("peer", ours(), ids=lambda peer: peer.name)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ours_does_right(case: Case, peer: Peer) -> None:
    """By what the hostile server heard and what our caller was told."""
    assert verdict(peer, case) == ""


def test_the_page_has_every_case() -> None:
    """docs/comparison.md is of these cases, and ours is right in each of its rows."""
    rows = [line for line in (ROOT / "docs" / "comparison.md").read_text().splitlines() if line.startswith("| ")][2:]

    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == [case.name for case in CASES]
    assert all(row.endswith("| ✔ | ✔ |") for row in rows)
