"""List-Unsubscribe and its one click."""

from __future__ import annotations

import pytest

from mailward.errors import InputError
from mailward.message.unsubscribe import unsubscribe_fields

URL, MAILTO = "https://example.org/leave?u=abc%40x&t=1", "mailto:leave@example.org?subject=leave"


def test_both_ways() -> None:
    """RFC 8058: the URL takes one POST, and says so."""
    post = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")

    assert unsubscribe_fields((URL, MAILTO)) == [("List-Unsubscribe", f"<{MAILTO}>, <{URL}>"), post]
    assert unsubscribe_fields(URL) == [("List-Unsubscribe", f"<{URL}>"), post]
    assert unsubscribe_fields([MAILTO]) == [("List-Unsubscribe", f"<{MAILTO}>")]


@pytest.mark.parametrize(
    "ways",
    [
        "http://example.org/leave",
        "https://example.org/a>,<https://evil.example/",
        "https://example.org/\r\nBcc: e@x",
        "https://example.org/a b",
        "https://exämple.org/",
        "mailto:a@b.c, d@e.f",
        "mailto:a@b.c\r\nBcc: e@x",
        "mailto:nobody",
        "leave@example.org",
        "",
        (),
        (URL, URL),
        (MAILTO, MAILTO),
    ],
)
def test_what_is_no_way(ways: object) -> None:
    """E08: nothing but one https URL and one mailto URI gets into the field."""
    with pytest.raises(InputError):
        unsubscribe_fields(ways)  # type: ignore[arg-type]
