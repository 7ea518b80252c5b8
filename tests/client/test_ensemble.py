"""What several servers together made of a message; with real servers it is in test_failover.py."""

from __future__ import annotations

import pytest

from mailward.client.ensemble import Ensemble
from mailward.client.how import How
from mailward.client.receipt import Outcome, Receipt
from mailward.client.submission import prepare
from mailward.client.transports.memory import MemoryTransport
from mailward.errors import BadCredentials, CertificateError, ConnectionLost, InputError, InvalidMessage, MailwardError
from mailward.net.ports import Ports
from tests.support.drivers import Driver, both_drivers

MESSAGE = b"From: ann@example.test\r\nTo: a@example.test\r\n\r\nHi.\r\n"


@both_drivers
@pytest.mark.parametrize("kind", [BadCredentials, CertificateError, ConnectionLost, InvalidMessage])
def test_whatever_was_not_sent_moves_on(driver: Driver, kind: type[MailwardError]) -> None:
    """A refused login, a bad certificate, a lost connection, a keyword that one server lacks."""
    first, second = MemoryTransport(failures=[kind("x")]), MemoryTransport()

    async def flow(ports: Ports) -> Receipt:
        ensemble = Ensemble([first, second], ports, pause=30, turns=False)
        return await ensemble.send(prepare(MESSAGE, how=How()), {"priority": 3})

    receipt = driver.run(flow)
    assert (receipt.outcome, receipt.error) == (Outcome.ACCEPTED, "")
    assert (len(first.messages), second.messages[0].how.priority) == (0, 3)


@both_drivers
def test_the_repr_names_each(driver: Driver) -> None:
    """And closing closes each."""

    async def flow(ports: Ports) -> str:
        ensemble = Ensemble([MemoryTransport(), MemoryTransport()], ports, pause=30, turns=False)
        await ensemble.close()
        return repr(ensemble)

    assert driver.run(flow) == "MemoryTransport(memory:), MemoryTransport(memory:)"


@both_drivers
def test_several_cannot_promise_it_once(driver: Driver) -> None:
    """One does not know what another has taken under a key, so that is not asked of them."""
    transports = [MemoryTransport(), MemoryTransport()]

    async def flow(ports: Ports) -> None:
        ensemble = Ensemble(transports, ports, pause=30, turns=False)
        with pytest.raises(InputError, match="one server only"):
            await ensemble.send(prepare(MESSAGE), {"exactly_once": True})

    driver.run(flow)
    assert [transport.messages for transport in transports] == [[], []]
