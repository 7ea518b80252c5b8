"""A conversation that is left after a given phase."""

from __future__ import annotations

import pytest

from mailward.client.options import client_options
from mailward.client.submission import Submission
from mailward.client.trial import Phase, try_until
from mailward.wire.address import Mailbox
from tests.support.certificates import authority
from tests.support.drivers import Driver, both_drivers
from tests.support.hostile import Script, hostile_server

MAIL = Submission.of(
    Mailbox("ann", "example.test"), (Mailbox("bob", "example.test"), Mailbox("eve", "example.test")), b"\r\nhi\r\n"
)


@both_drivers
@pytest.mark.parametrize(
    ("phase", "verbs", "codes"),
    [
        (Phase.CONNECT, [], []),
        (Phase.EHLO, ["EHLO", "STARTTLS", "EHLO", "QUIT"], []),
        (Phase.AUTH, ["EHLO", "STARTTLS", "EHLO", "AUTH", "QUIT"], []),
        (Phase.MAIL, ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RSET", "QUIT"], [250]),
        (Phase.RCPT, ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "RCPT", "RSET", "QUIT"], [250, 250, 550]),
    ],
)
def test_where_it_stops(driver: Driver, phase: Phase, verbs: list[str], codes: list[int]) -> None:
    """Just after the phase, in order, with the replies to the envelope; no content is ever said."""
    refusing = [b"250 2.1.5 OK\r\n", b"550 5.1.1 no\r\n"]
    with hostile_server(Script(tls="starttls", auth=("PLAIN",), says={"RCPT": refusing})) as server:
        options = client_options(
            "localhost",
            server.port,
            auth=("ann@example.test", "correct horse"),
            ca=authority().pem,
            memory=False,
        )
        replies = driver.run(lambda ports: try_until(phase, options, ports, submission=MAIL, until=ports.now() + 5))

    assert server.verbs == verbs
    assert [reply.code for _, reply in replies] == codes
    assert server.contents == []
