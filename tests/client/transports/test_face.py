from __future__ import annotations

import asyncio
import inspect
import io
from pathlib import Path
from typing import Any

import pytest

from mailward.client.facade_sync import Client
from mailward.client.transports.face import AsyncTransport, Transport, receipt_of
from mailward.client.transports.memory import MemoryTransport
from mailward.errors import ConnectError, InputError, InvalidAddress, MailwardError, TransientReply
from mailward.message.dkim import DKIM
from tests.message.test_dkim import RSA
from tests.support.dkim_verifier import verifies

MESSAGE = b"From: ann@example.test\r\nTo: bob@example.test\r\nBcc: eve@example.test\r\n\r\nHi.\r\n"


@pytest.mark.parametrize("name", ["send", "send_many", "send_raw", "close"])
def test_the_face_of_a_client(name: str) -> None:
    """The same parameters with the same defaults, on each of the three."""
    signatures = [
        [(each.name, each.kind, each.default) for each in inspect.signature(getattr(kind, name)).parameters.values()]
        for kind in (Client, Transport, AsyncTransport)
    ]

    assert signatures[0] == signatures[1] == signatures[2]


def test_a_receipt_of_what_left() -> None:
    """Accepted for everyone; without Bcc; with its name there."""
    with MemoryTransport() as transport:
        receipt = transport.send(MESSAGE)

    assert (receipt.outcome, receipt.queue_id, receipt.host, receipt.ok) == ("accepted", "1", "memory:", True)
    assert [each.address for each in receipt.recipients] == ["bob@example.test", "eve@example.test"]
    assert b"Bcc" not in transport.messages[0].content


def test_it_signs() -> None:
    """With `dkim=` as a Client does, and the receipt names the key."""
    signer = DKIM("example.test", "s1", RSA)
    transport = MemoryTransport(dkim=signer)
    receipt = transport.send(MESSAGE)

    assert receipt.dkim == ("s1._domainkey.example.test",)
    assert verifies(transport.messages[0].content, signer.records())


def test_many(tmp_path: Path) -> None:
    """One refused or unusable message does not stop the rest."""
    transport = MemoryTransport(failures=[None, TransientReply("later"), None])
    receipts = list(transport.send_many([MESSAGE, MESSAGE, b"To: x\r\n\r\n", MESSAGE]))

    assert [receipt.outcome for receipt in receipts] == ["accepted", "not-sent", "not-sent", "accepted"]
    assert receipts[1].error == "later"


def test_asyncio_has_the_same() -> None:
    """Each of the names, awaited."""
    inner = MemoryTransport(failures=[None, ConnectError("no")])

    async def work() -> list[Any]:
        async with AsyncTransport(inner) as transport:
            first = await transport.send(MESSAGE)
            with pytest.raises(ConnectError):
                await transport.send(MESSAGE)
            many = [receipt async for receipt in transport.send_many([MESSAGE, b"To: x\r\n\r\n"])]
            raw = await transport.send_raw(
                io.BytesIO(b"From: ann@example.test\r\n\r\nraw\r\n"), sender="", recipients="bob@example.test"
            )
            return [first, *many, raw]

    outcomes = [receipt.outcome for receipt in asyncio.run(work())]
    assert outcomes == ["accepted", "accepted", "not-sent", "accepted"]
    assert (inner.messages[-1].sender, inner.messages[-1].content) == ("", b"From: ann@example.test\r\n\r\nraw\r\n")
    assert repr(AsyncTransport(inner)) == "AsyncMemoryTransport(memory:)"


@pytest.mark.parametrize("how", [{"requiretls": True}, {"hold": 60}, {"deliver_by": 60}, {"exactly_once": True}])
def test_what_only_a_server_can_promise(how: dict[str, Any]) -> None:
    """It is refused rather than forgotten; DSN, which is a wish, is told in the receipt."""
    transport = MemoryTransport()
    with pytest.raises(InputError, match="from a server only"):
        transport.send(MESSAGE, **how)

    assert transport.messages == []
    assert transport.send(MESSAGE, dsn="failure").not_offered == ("DSN",)


def test_hostile_envelopes() -> None:
    """They are refused as everywhere."""
    with pytest.raises(InvalidAddress):
        MemoryTransport().send(MESSAGE, recipients="bob@example.test\r\nRCPT TO:<eve@example.test>")


def test_an_error_without_a_message() -> None:
    """It concerns all of them, and is raised."""
    with pytest.raises(MailwardError):
        receipt_of(MailwardError("no"))
    assert receipt_of(InputError("x")).outcome == "not-sent"
