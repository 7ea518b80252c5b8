from __future__ import annotations

import pytest

from mailward.client.transports.memory import MemoryTransport
from mailward.errors import TransientReply
from mailward.message.builder import Message


def test_what_was_sent_can_be_read() -> None:
    """Envelope, octets, the parsed message, and how it was to be treated."""
    transport = MemoryTransport()
    transport.send(Message(from_="ann@example.test", to="bob@example.test", subject="Grüße", text="Hi."), priority=3)
    (sent,) = transport.messages

    assert (sent.sender, sent.recipients, sent.how.priority) == ("ann@example.test", ("bob@example.test",), 3)
    assert sent.message["Subject"] == "Grüße"
    assert sent.content.endswith(b"Hi.\r\n")
    assert "Hi." not in repr(sent)


def test_failures_come_in_turn() -> None:
    """Each send raises the next one; then they go through."""
    transport = MemoryTransport(failures=[TransientReply("later"), None])
    content = b"From: ann@example.test\r\nTo: bob@example.test\r\n\r\nHi.\r\n"
    with pytest.raises(TransientReply) as caught:
        transport.send(content)

    assert caught.value.receipt.outcome == "not-sent"
    assert [transport.send(content).queue_id for _ in range(2)] == ["1", "2"]
