from __future__ import annotations

import pytest

from mailward.errors import ProtocolError
from mailward.integrations.lines import Lines


def test_lines_come_in_any_pieces() -> None:
    """However the octets arrive, the lines are the same."""
    lines = Lines(longest=10)

    assert [list(lines.feed(piece)) for piece in (b"a", b"b\ncd", b"\n\n", b"e")] == [[], [b"ab"], [b"cd", b""], []]


@pytest.mark.parametrize("data", [b"a" * 11, b"a" * 11 + b"\n", b"\n" + b"a" * 11])
def test_no_line_is_too_long(data: bytes) -> None:
    """Neither a whole line nor one that has not ended yet."""
    with pytest.raises(ProtocolError):
        list(Lines(longest=10).feed(data))
