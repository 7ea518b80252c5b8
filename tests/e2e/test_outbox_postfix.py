"""An outbox whose Postfix is away, and comes back: each message arrives, once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import mailward
from mailward.client.schedule import Schedule
from tests.support.certificates import authority, good
from tests.support.letters import as_sent, letters, stored
from tests.support.postfix import Postfix

pytestmark = [pytest.mark.e2e, pytest.mark.peer("postfix")]

SOON = Schedule(first=0.05, longest=0.1)


def test_stopped_and_started(tmp_path: Path) -> None:
    """What is put waits, with the reason, while the server is away; then it goes."""
    sent = letters("bob@inbox.test", 6)
    with Postfix(tls=good(), encrypt=True) as postfix:
        with (
            mailward.Client("localhost", postfix.port, ca=authority().pem) as client,
            mailward.Outbox(client, tmp_path / "outbox.db", schedule=SOON) as outbox,
        ):
            first = outbox.put(sent[0])
            assert outbox.flush().sent == 1
            postfix.stop()
            for content in sent[1:3]:
                outbox.put(content)
            away = outbox.flush()
            assert (away.sent, away.failed, away.unknown) == (0, 0, 0)
            assert isinstance(away.error, mailward.ConnectError | mailward.ConnectionLost)
            assert len(outbox.tickets("waiting")) == 2
            postfix.start()
            outbox.run(until_empty=True)
            assert {ticket.state for ticket in outbox.tickets()} == {"sent"}
            assert outbox.ticket(first).attempts == 1
        postfix.stop()
        asyncio.run(_later(postfix, tmp_path / "other.db", sent[3:]))
        arrived = sorted(as_sent(raw) for raw in postfix.delivered("bob", 6))

    assert arrived == sorted(stored(content) for content in sent)


async def _later(postfix: Postfix, file: Path, sent: list[bytes]) -> None:
    """The same by an AsyncOutbox, whose `run` is under way when the server comes back."""
    client = mailward.AsyncClient("localhost", postfix.port, ca=authority().pem)
    async with mailward.AsyncOutbox(client, file, schedule=SOON) as outbox, asyncio.TaskGroup() as group:
        for content in sent:
            await outbox.put(content)
        running = group.create_task(outbox.run(until_empty=True))
        await asyncio.sleep(0.3)
        assert not running.done()
        assert len(await outbox.tickets("waiting")) == len(sent)
        await asyncio.to_thread(postfix.start)
    await client.close()
