"""mailward.store.message"""

from __future__ import annotations

from typing import Any

import pytest

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
