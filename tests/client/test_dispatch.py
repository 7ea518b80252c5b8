"""The flow behind both outboxes, with a sender that is asked what it was told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mailward.client.dispatch import Dispatch
from mailward.client.receipt import Outcome, Receipt, RecipientResult, TlsInfo
from mailward.client.schedule import Schedule
from mailward.errors import InputError, MailwardError, OutcomeUnknown, StoreBusy
from mailward.net.ports import Ports
from mailward.store.outbox import PIECE, OutboxFile
from mailward.store.ticket import Ticket
from tests.support.drivers import Driver, both_drivers

MESSAGE = b"From: ann@example.test\r\nTo: bob@example.test\r\n\r\nHi.\r\n"
TLS = TlsInfo("TLSv1.3", "x", "system CAs", "sha256/x")


@dataclass(repr=False)
class Told:
    """A client that says each of `outcomes` in turn, as a server with X-IDEMPOTENT would have it."""

    outcomes: Iterator[Outcome]
    calls: list[dict[str, Any]] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    one_server: bool = True

    def __repr__(self) -> str:
        return "Told"

    def send(self, message: Any, *, sender: str | None = None, recipients: Any = None, **how: Any) -> Receipt:
        self.calls.append({"sender": sender, "recipients": recipients, **how})
        self.contents.append(message if isinstance(message, bytes) else b"".join(message.pieces()))
        outcome = next(self.outcomes)
        results = tuple(RecipientResult(each, outcome is Outcome.ACCEPTED) for each in recipients)
        receipt = Receipt(outcome=outcome, recipients=results, tls=TLS, idempotency_key=how.get("idempotency_key"))
        if outcome is Outcome.ACCEPTED:
            return receipt
        error: MailwardError = OutcomeUnknown("lost") if outcome is Outcome.UNKNOWN else InputError("not offered")
        error.receipt = receipt
        raise error


def opened(ports: Ports, path: Path, client: Told | None) -> Dispatch:
    return Dispatch(client, OutboxFile(path / "outbox.db"), ports, Schedule(first=0.01, longest=0.01))


@both_drivers
def test_exactly_once_with_a_server_that_knows_the_key(driver: Driver, tmp_path: Path) -> None:
    """A lost reply is asked for again under the same key, and only of such a server."""
    client = Told(iter([Outcome.UNKNOWN, Outcome.ACCEPTED]))

    async def flow(ports: Ports) -> str:
        dispatch = opened(ports, tmp_path, client)
        identifier = await dispatch.put(MESSAGE, None, None, {})
        await dispatch.run(until_empty=True)
        return dispatch.found(identifier).state

    assert driver.run(flow) == "sent"
    first, second = client.calls
    assert first["idempotency_key"] == second["idempotency_key"]
    assert "exactly_once" not in first
    assert second["exactly_once"] is True


@both_drivers
@pytest.mark.parametrize(("now", "state"), [(Outcome.ACCEPTED, "sent"), (Outcome.NOT_SENT, "unknown")])
def test_what_a_killed_sender_left(driver: Driver, tmp_path: Path, now: Outcome, state: str) -> None:
    """It goes once more to a server that was seen to know keys; one that knows them no longer leaves it unknown."""
    client = Told(iter([Outcome.ACCEPTED, now]))

    async def flow(ports: Ports) -> str:
        dispatch = opened(ports, tmp_path, client)
        await dispatch.put(MESSAGE, None, None, {})
        await dispatch.flush()
        identifier = await dispatch.put(MESSAGE, None, None, {})
        claimed = dispatch.file.claim(ports.utc().timestamp(), owner="dead", via=repr(client))
        assert claimed is not None
        await dispatch.flush()
        return dispatch.found(identifier).state

    assert driver.run(flow) == state
    assert client.calls[1]["exactly_once"] is True


@both_drivers
def test_several_servers_cannot_be_asked(driver: Driver, tmp_path: Path) -> None:
    """Where the next attempt may go to another server, which has not heard of the key, unknown stays unknown."""
    client = Told(iter([Outcome.ACCEPTED, Outcome.UNKNOWN]), one_server=False)

    async def flow(ports: Ports) -> list[str]:
        dispatch = opened(ports, tmp_path, client)
        for _ in range(2):
            await dispatch.put(MESSAGE, None, None, {})
        await dispatch.run(until_empty=True)
        await dispatch.put(MESSAGE, None, None, {})
        assert dispatch.file.claim(ports.utc().timestamp(), owner="dead", via=repr(client)) is not None
        await dispatch.run(until_empty=True)
        return sorted(ticket.state for ticket in dispatch.file.every())

    assert driver.run(flow) == ["sent", "unknown", "unknown"]
    assert len(client.calls) == 2


class Busy(OutboxFile):
    """Held by another process each second time."""

    turns = 0

    def claim(self, now: float, *, owner: str, via: str) -> Ticket | None:
        self._turn()
        return super().claim(now, owner=owner, via=via)

    def settle(self, ticket: Ticket, *, idempotent: bool | None = None) -> None:
        self._turn()
        super().settle(ticket, idempotent=idempotent)

    def _turn(self) -> None:
        self.turns += 1
        if self.turns % 2:
            raise StoreBusy("busy")


@both_drivers
def test_a_busy_file_is_waited_for(driver: Driver, tmp_path: Path) -> None:
    """What was sent is written down as sent, though another process holds the file in between."""
    client = Told(iter([Outcome.ACCEPTED]))

    async def flow(ports: Ports) -> str:
        dispatch = Dispatch(client, Busy(tmp_path / "outbox.db"), ports, Schedule(first=0.01, longest=0.01))
        identifier = await dispatch.put(MESSAGE, None, None, {})
        await dispatch.run(until_empty=True)
        return dispatch.found(identifier).state

    assert driver.run(flow) == "sent"
    assert len(client.calls) == 1


@both_drivers
def test_the_null_path_and_large_content(driver: Driver, tmp_path: Path) -> None:
    """A sender of "" stays one; content larger than a row comes back octet by octet."""
    client = Told(iter([Outcome.ACCEPTED]))
    content = MESSAGE + (b"x" * 998 + b"\r\n") * 2200

    async def flow(ports: Ports) -> None:
        dispatch = opened(ports, tmp_path, client)
        await dispatch.put(content, "", "bob@example.test", {})
        await dispatch.flush()
        dispatch.close()

    driver.run(flow)
    assert len(content) > 2 * PIECE
    assert client.contents == [content]
    assert (client.calls[0]["sender"], client.calls[0]["recipients"]) == ("", ("bob@example.test",))
    assert list((tmp_path / "outbox.db-owners").iterdir()) == []


@both_drivers
def test_an_outbox_without_a_client(driver: Driver, tmp_path: Path) -> None:
    """Puts, and says so when it is to send."""

    async def flow(ports: Ports) -> None:
        dispatch = opened(ports, tmp_path, None)
        await dispatch.put(MESSAGE, None, None, {})
        with pytest.raises(InputError, match="no client"):
            await dispatch.flush()

    driver.run(flow)
