"""What becomes of the session around a delivery."""

from __future__ import annotations

import pytest

from mailward import INSECURE_PLAINTEXT, ConnectError, Outcome, PermanentReply
from mailward.client.deliver import Deliverer
from mailward.client.judgement import Delivery, not_sent, unusable
from mailward.client.options import client_options
from mailward.client.pool import Pool
from mailward.client.receipt import Receipt
from mailward.client.submission import Submission
from mailward.errors import InputError
from mailward.net.ports import Ports
from mailward.wire.address import Mailbox
from tests.support import hostile
from tests.support.drivers import Driver, both_drivers
from tests.support.hostile import Script, hostile_server

BOB = Mailbox("bob", "example.test")
SUBMISSION = Submission.of(None, (BOB,), b"Bcc: kept@example.test\r\n\r\nhello\r\n")


def deliverer(ports: Ports, port: int, pool: Pool) -> Deliverer:
    return Deliverer(client_options("127.0.0.1", port, tls=INSECURE_PLAINTEXT, timeout=5), ports, pool)


@both_drivers
def test_a_relay_may_deliver_octets_as_they_are(driver: Driver) -> None:
    """Null sender, Bcc and all: nothing of the content is touched."""

    async def flow(ports: Ports) -> Receipt:
        return await deliverer(ports, server.port, Pool()).deliver_once(SUBMISSION)

    with hostile_server(Script()) as server:
        receipt = driver.run(flow)

    assert receipt.ok
    assert receipt.sender == ""
    assert server.contents == [SUBMISSION.content]
    assert b"MAIL FROM:<> SIZE=33\r\n" in server.heard


@both_drivers
def test_a_refusal_is_part_of_the_delivery(driver: Driver) -> None:
    """`deliver` gives it; `result` and `deliver_once` raise it; the session lives on."""

    async def flow(ports: Ports) -> Delivery:
        pool = Pool()
        way = deliverer(ports, server.port, pool)
        delivery = await way.deliver(SUBMISSION, until=way.end_of_call())
        assert len(pool._idle) == 1
        await way.close()
        return delivery

    with hostile_server(Script(says={".": b"550 5.7.1 spam\r\n"})) as server:
        delivery = driver.run(flow)

    assert delivery.receipt.outcome is Outcome.REJECTED
    with pytest.raises(PermanentReply, match="spam"):
        delivery.result()


@both_drivers
def test_a_session_that_was_lost_is_not_kept(driver: Driver) -> None:
    """Nor is one that was spent."""

    async def flow(ports: Ports) -> list[Outcome]:
        pool = Pool()
        way = deliverer(ports, server.port, pool)
        delivery = await way.deliver(SUBMISSION, until=way.end_of_call())
        assert pool.empty() == []
        return [delivery.receipt.outcome]

    with hostile_server(Script(says={"RCPT": hostile.hang_up})) as server:
        assert driver.run(flow) == [Outcome.NOT_SENT]


@both_drivers
def test_no_session_is_raised(driver: Driver) -> None:
    """It would befall every other message too; the error has the receipt of this one."""

    async def flow(ports: Ports) -> None:
        way = deliverer(ports, 1, Pool())
        await way.deliver(SUBMISSION, until=way.end_of_call())

    with pytest.raises(ConnectError) as caught:
        driver.run(flow)

    assert caught.value.receipt == not_sent(SUBMISSION, caught.value)
    assert caught.value.receipt.recipients[0].address == "bob@example.test"


def test_receipts_without_a_session() -> None:
    """A message that cannot be prepared has one as well."""
    assert unusable(InputError("no good")) == Receipt(outcome=Outcome.NOT_SENT, error="no good")


@both_drivers
@pytest.mark.parametrize(("keywords", "taken"), [(("LIMITS RCPTMAX=2",), 2), (("LIMITS RCPTMAX=9",), 3), ((), 3)])
def test_to_as_many_as_the_server_takes(driver: Driver, keywords: tuple[str, ...], taken: int) -> None:
    """With `most`, the first of them only, as many as the server announces; the receipt names who they were."""
    many = Submission.of(None, tuple(Mailbox(f"u{number}", "example.test") for number in range(5)), b"\r\nhello\r\n")

    async def flow(ports: Ports) -> Delivery:
        way = deliverer(ports, server.port, Pool())
        delivery = await way.deliver(many, until=None, most=3)
        await way.close()
        return delivery

    with hostile_server(Script(keywords=keywords)) as server:
        delivery = driver.run(flow)

    assert [result.address for result in delivery.receipt.recipients] == [str(each) for each in many.recipients[:taken]]
    assert delivery.receipt.ok


@both_drivers
def test_too_many_for_one_transaction_is_refused(driver: Driver) -> None:
    """Without `most` nobody gets it: who sends decides how it is split."""
    two = Submission.of(None, (BOB, Mailbox("eve", "example.test")), b"\r\nhello\r\n")

    async def flow(ports: Ports) -> Delivery:
        way = deliverer(ports, server.port, Pool())
        delivery = await way.deliver(two, until=None)
        await way.close()
        return delivery

    with hostile_server(Script(keywords=("LIMITS RCPTMAX=1",))) as server:
        delivery = driver.run(flow)

    assert isinstance(delivery.error, InputError)
    assert server.contents == []
