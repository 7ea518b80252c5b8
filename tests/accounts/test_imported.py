"""Lines of password files, however they come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailward.accounts.imported import LONGEST_LINE, Entry, networks, numbered, proved
from mailward.errors import InputError, StoreError

DATA = "ann:x\r\n\nbüb:y\nend".encode()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_lines_do_not_depend_on_the_chunks(size: int) -> None:
    """CRLF or LF, a last line without an end, a character split between two chunks."""
    chunks = [DATA[place : place + size] for place in range(0, len(DATA), size)]

    assert list(numbered(chunks)) == [(1, "ann:x"), (2, ""), (3, "büb:y"), (4, "end")]


def test_a_line_has_an_end() -> None:
    """A gigabyte without a line end is refused after the first chunk or two."""
    taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 4096

    with pytest.raises(InputError, match=f"line 1 is longer than {LONGEST_LINE}"):
        list(numbered(chunks()))
    assert taken <= 3


def test_what_proves() -> None:
    """A verifier is kept as it is; text that is none is refused and not shown."""
    assert proved(Entry(line=1, name="a"), "{SSHA}" + "YWFh" * 8).weak is False
    with pytest.raises(StoreError) as caught:
        proved(Entry(line=1, name="a"), "horse-battery")
    assert "horse" not in str(caught.value)


def test_networks() -> None:
    """In their one spelling, and no more than an account may have."""
    assert networks("192.0.2.7/24, 2001:DB8::1") == ("192.0.2.0/24", "2001:db8::1/128")
    with pytest.raises(InputError, match="more than"):
        networks(",".join(["192.0.2.1"] * 65))
