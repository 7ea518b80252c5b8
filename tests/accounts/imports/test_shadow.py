"""/etc/shadow."""

from __future__ import annotations

import pytest

from mailward.accounts.imported import BadLine, Entry, Skipped
from mailward.accounts.imports.shadow import FORMAT

HASH = "$y$j75$RbLe/.ytN7D1HirU5AUnB1$6vMDPm6cjmaOE.KU82GOCKKgdKareaJEJmIZss2W8K2"
DAY = 86_400


def test_accounts() -> None:
    """Shadow's nine fields, passwd's seven; a "!" or a day that is over locks; daemons have no password."""
    lines = [
        "root:*:19000:0:99999:7:::",
        f"ann:{HASH}:19000:0:99999:7:::",
        f"bob:!{HASH}:19000:0:99999:7:::",
        f"eve:{HASH}:19000:0:99999:7::100:",
        f"joe:{HASH}:19000:0:99999:7::102:",
        f"old:{HASH}:1000:1000:Old:/home/old:/bin/sh",
        "new:x:1001:1001:New:/home/new:/bin/sh",
        "dam:!!:19000::::::",
    ]
    told = list(FORMAT.read(enumerate(lines, 1), 101 * DAY))
    entries = [each for each in told if isinstance(each, Entry)]

    assert [each.line for each in told if isinstance(each, Skipped)] == [1, 7, 8]
    assert [(each.name, each.disabled) for each in entries] == [
        ("ann", False), ("bob", True), ("eve", True), ("joe", False), ("old", False),
    ]  # fmt: skip
    assert {each.verifier for each in entries} == {HASH}


@pytest.mark.parametrize(
    "line, why",
    [
        (f"ann:{HASH}", "2 fields"),
        ("ann::19000:0:99999:7:::", "anybody"),
        (f"ann:{HASH}:19000:0:99999:7::soon:", "not a number"),
        ("ann:rqXexS6ZhobKA:19000:0:99999:7:::", "no known scheme"),
    ],
)
def test_bad_lines(line: str, why: str) -> None:
    """An empty password is no account without one, but one that is open."""
    (bad,) = FORMAT.read([(1, line)], 0)

    assert isinstance(bad, BadLine)
    assert why in bad.why
