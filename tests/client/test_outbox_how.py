from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailward.client.how import Dsn, How
from mailward.client.outbox_how import restored, stored
from mailward.wire.address import Mailbox
from mailward.wire.parameters import DeliverBy


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"dsn": "never"},
        {"dsn": ["success", "delay"]},
        {
            "dsn": Dsn(
                notify="failure", ret="full", envid="x1", recipients={"b@example.test": ["success"]},
                original={"b@example.test": "c@example.test"},
            )
        },
        {"requiretls": True, "priority": -3, "exactly_once": True},
        {"hold": timedelta(hours=2)},
        {"hold": datetime(2030, 1, 2, tzinfo=UTC)},
        {"deliver_by": 600},
        {"deliver_by": DeliverBy(600, notify=True, trace=True)},
    ],
)  # fmt: skip
def test_it_comes_back_as_it_was(arguments: dict[str, Any]) -> None:
    """Kept as JSON and restored, the message is treated in the same way."""
    how = How.of(**arguments)
    again = How.of(**restored(stored(how), key=None, once=False))

    assert again.parameters() == how.parameters()
    assert (again.once, again.requiretls) == (how.once, how.requiretls)
    if how.dsn is not None:
        assert again.dsn is not None
        assert (again.dsn.wanted, again.dsn.envid) == (how.dsn.wanted, how.dsn.envid)
        for mailbox in (Mailbox.parse("a@example.test"), Mailbox.parse("b@example.test")):
            assert again.dsn.of_recipient(mailbox) == how.dsn.of_recipient(mailbox)


def test_the_key_is_the_tickets() -> None:
    """It is given when the message is sent, and so is that it must be taken once."""
    how = How.of(**restored(stored(How.of(idempotency_key="a")), key="b", once=True))

    assert (how.key, how.once) == ("b", True)
