"""Commands and replies over a stream: each within its time, nothing said to a server that speaks unasked."""

from __future__ import annotations

import pytest

from mailward.client.conversation import Conversation
from mailward.client.options import Timeout
from mailward.errors import ConnectionLost, DeadlineExceeded, ProtocolError
from mailward.net.ports import Ports
from mailward.wire.command import Ehlo, Noop
from mailward.wire.reply import Reply
from mailward.wire.state import State
from tests.support import hostile
from tests.support.drivers import Driver, both_drivers, wait_until_readable
from tests.support.hostile import HostileServer, Saying, Script, hostile_server


async def opened(ports: Ports, server: HostileServer, **timeout: float) -> Conversation:
    stream = await ports.connect("127.0.0.1", server.port, within=5)
    total = timeout.pop("total", 5.0)
    conversation = Conversation(stream, ports, Timeout(**timeout), until=ports.now() + total)
    await conversation.greeting()
    await conversation.ask(Ehlo("client.test"))
    return conversation


@both_drivers
def test_question_and_answer(driver: Driver) -> None:
    """A command, its reply, the state and the keywords that follow from it."""

    async def flow(ports: Ports) -> tuple[Reply, State, bool]:
        conversation = await opened(ports, server)
        reply = await conversation.ask(Noop())
        await conversation.quit()
        return reply, conversation.state, conversation.keywords.pipelining

    with hostile_server(Script()) as server:
        assert driver.run(flow) == (Reply(250, "OK", "2.0.0"), State.CLOSED, True)

    assert server.heard == b"EHLO client.test\r\nNOOP\r\nQUIT\r\n"


@pytest.mark.slow
@both_drivers
@pytest.mark.parametrize("limit", ["command", "total"])
def test_the_sooner_end_holds(driver: Driver, limit: str) -> None:
    """The time of a command and the end of the call both bound a reply; the error says where it was."""

    async def flow(ports: Ports) -> float:
        conversation = await opened(ports, server, **{limit: 0.3})
        begun = ports.now()
        with pytest.raises(DeadlineExceeded, match=r"\(at NOOP\)") as caught:
            await conversation.ask(Noop())
        took = ports.now() - begun
        assert caught.value.phase == "noop"
        assert conversation.broken
        conversation.stream.abort()
        return took

    with hostile_server(Script(says={"NOOP": hostile.drip(every=0.05)})) as server:
        assert 0.2 <= driver.run(flow) <= 0.45


@both_drivers
@pytest.mark.parametrize(
    ("act", "error"),
    [
        (b"250 ok\r\n250 and more\r\n", ProtocolError),
        (b"250 ok\r\n25", ProtocolError),
        (hostile.then_close(b"250 ok\r\n"), ConnectionLost),
        (hostile.then_close(b"250 ok\r\n421 4.3.2 bye\r\n"), ConnectionLost),
    ],
    ids=["more", "half", "closed", "421"],
)
def test_nothing_is_said_to_a_server_that_spoke_unasked(driver: Driver, act: Saying, error: type[Exception]) -> None:
    """C05: what came after the last reply is looked at before the next command."""

    async def flow(ports: Ports) -> None:
        conversation = await opened(ports, server)
        await conversation.ask(Noop())
        try:
            if not conversation._protocol.unread:
                wait_until_readable(conversation.stream)
            await conversation.ask(Noop())
        finally:
            conversation.stream.abort()

    with hostile_server(Script(says={"NOOP": act})) as server, pytest.raises(error):
        driver.run(flow)

    assert server.heard.count(b"NOOP") == 1


@both_drivers
def test_an_idle_server_that_left_is_noticed(driver: Driver) -> None:
    """`interrupted` tells it without waiting."""

    async def flow(ports: Ports) -> tuple[bool, bool]:
        conversation = await opened(ports, server)
        before = await conversation.interrupted()
        await conversation.ask(Noop())
        wait_until_readable(conversation.stream)
        after = await conversation.interrupted()
        conversation.stream.abort()
        return before, after

    with hostile_server(Script(says={"NOOP": hostile.then_close(b"250 ok\r\n")})) as server:
        assert driver.run(flow) == (False, True)


@pytest.mark.slow
@both_drivers
@pytest.mark.parametrize(
    "goodbye", [hostile.silence, hostile.drip(every=0.2), hostile.reset], ids=["mute", "drip", "reset"]
)
def test_a_goodbye_is_short(driver: Driver, goodbye: Saying) -> None:
    """QUIT never raises and lasts a second at most."""

    async def flow(ports: Ports) -> float:
        conversation = await opened(ports, server)
        begun = ports.now()
        await conversation.quit()
        return ports.now() - begun

    with hostile_server(Script(says={"QUIT": goodbye})) as server:
        assert driver.run(flow) <= 1.2
