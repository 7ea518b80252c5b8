"""Message ids."""

from __future__ import annotations

import pytest

from mailward.errors import InvalidMessage
from mailward.message.message_id import checked_id, is_message_id


@pytest.mark.parametrize("text", ["<1@example.test>", "<a.b-c_d@[192.0.2.1]>", "<x@y>"])
def test_what_is_one(text: str) -> None:
    """Dot atoms, and literals to the right."""
    assert is_message_id(text)
    assert checked_id(text) == text


@pytest.mark.parametrize(
    "text", ["", "1@example.test", "<1>", "<a b@c>", "<a@b>\r\nX: y", "<a@b> ", "<a@b\n>", "<ü@b>", "<.a@b>"]
)
def test_what_is_none(text: str) -> None:
    """E08: nothing that could be more than one word."""
    assert not is_message_id(text)
    with pytest.raises(InvalidMessage, match="no message id"):
        checked_id(text)
