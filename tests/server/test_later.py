"""A reply that comes later: heard once, whichever comes first, the reply or who waits for it."""

from __future__ import annotations

from mailward.server.later import Later
from mailward.wire import reply as replies
from mailward.wire.reply import Reply


def test_settled_before_and_after() -> None:
    """Who waits hears it in the same turn; who comes after it was settled hears it at once."""
    heard: list[Reply] = []
    before, after = Later(), Later()

    before.then(heard.append)
    assert heard == []
    before.settle(replies.OK)
    after.settle(replies.LOCAL_ERROR)
    after.then(heard.append)

    assert heard == [replies.OK, replies.LOCAL_ERROR]
