"""mailward.store.message"""

from __future__ import annotations

from typing import Any

import pytest

from mailward.errors import StoreError
from mailward.store.message import RecipientState, from_row

FACTS = ("ID", "", '["ann@example.test","bob@example.test"]', 7, 1.5, "Hi", None, None, 0, 1, None)


@pytest.mark.parametrize(
    "delivery, state, recipients",
    [
        ((1, None, None, None, None, None), "kept", [("kept", ""), ("kept", "")]),
        ((0, 0, 1.5, None, "", None), "queued", [("queued", ""), ("queued", "")]),
        (
            (0, 1, 2.5, 2.0, "450 later", '[["delivered","250 ok"],["deferred","450 later"]]'),
            "queued",
            [("delivered", "250 ok"), ("deferred", "450 later")],
        ),
        (
            (0, 2, None, 2.0, "550 no", '[["delivered","250 ok"],["bounced","550 no"]]'),
            "bounced",
            [("delivered", "250 ok"), ("bounced", "550 no")],
        ),
    ],
)
def test_state_follows_from_the_row(delivery: tuple[Any, ...], state: str, recipients: list[tuple[str, str]]) -> None:
    """No delivery: kept. A next attempt: queued. None any more: bounced. Each recipient keeps its own reply."""
    message = from_row(FACTS + delivery)

    assert message.state == state
    assert message.recipients == (
        RecipientState("ann@example.test", *recipients[0]),
        RecipientState("bob@example.test", *recipients[1]),
    )
    assert (message.id, message.envelope_from, message.eightbit, message.smtputf8) == ("ID", "", True, False)
    assert message.attempts == (delivery[1] or 0)


@pytest.mark.parametrize(
    "recipients",
    ["[[]]", "[", "{}", '[["queued",""]]', '[["queued",1],["queued",""]]', 7, b"\xff"],
    ids=["shape", "no-json", "object", "too-few", "kind", "number", "octets"],
)
def test_a_damaged_row_is_named(recipients: Any) -> None:
    """Columns that make no sense are a fault of the store, which says of which message."""
    with pytest.raises(StoreError, match="message ID is damaged"):
        from_row((*FACTS, 0, 1, 2.5, 2.0, "450 later", recipients))


@pytest.mark.parametrize("addresses", ["", "[1]", "null", None])
def test_a_damaged_envelope_is_named(addresses: Any) -> None:
    """The same of whom it is for."""
    with pytest.raises(StoreError, match="message ID is damaged"):
        from_row((*FACTS[:2], addresses, *FACTS[3:], 0, 0, 1.5, None, "", None))
