"""When a session may be used again."""

from __future__ import annotations

import pytest

from mailward import INSECURE_PLAINTEXT, Outcome
from tests.support.hostile import Script, hostile_server
from tests.support.sending import MESSAGE, Face, both_faces, url_of


@both_faces
def test_many_messages_over_one_session(face: Face) -> None:
    """Nothing is said between two messages but the next MAIL."""
    with hostile_server(Script()) as server:
        receipts = face.send_each(url_of(server), [MESSAGE] * 3, tls=INSECURE_PLAINTEXT)

    assert all(receipt.ok for receipt in receipts)
    assert server.verbs == ["EHLO", *["MAIL", "RCPT", "DATA"] * 3, "QUIT"]


@both_faces
def test_mailmax_is_kept(face: Face) -> None:
    """RFC 9422: a server that takes two messages in a session gets the third in another."""
    with hostile_server(Script(keywords=("LIMITS MAILMAX=2",))) as server:
        receipts = face.send_each(url_of(server), [MESSAGE] * 5, tls=INSECURE_PLAINTEXT)

    assert all(receipt.ok for receipt in receipts)
    assert [connection.verbs.count("MAIL") for connection in server.connections] == [2, 2, 1]
    assert all(connection.verbs[-1] == "QUIT" for connection in server.connections)


@both_faces
@pytest.mark.parametrize(("reset", "connections"), [(b"250 ok\r\n", 1), (b"502 what\r\n", 2)])
def test_a_refused_transaction_is_reset(face: Face, reset: bytes, connections: int) -> None:
    """What the server may still have open is ended by RSET, or the session is."""
    script = Script(
        says={"RCPT": [b"550 no\r\n", b"250 ok\r\n"], "DATA": [b"554 no\r\n", b"354 ok\r\n"], "RSET": reset},
    )
    with hostile_server(script) as server:
        receipts = face.send_many(url_of(server), [MESSAGE] * 2, tls=INSECURE_PLAINTEXT)

    outcomes = [receipt.outcome for receipt in receipts]
    assert server.verbs.count("RSET") == connections
    assert outcomes == [Outcome.REJECTED, Outcome.ACCEPTED if connections == 1 else Outcome.REJECTED]
    assert len(server.connections) == connections
