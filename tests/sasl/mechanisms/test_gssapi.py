from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from mailward.errors import SaslError
from mailward.sasl.mechanism import ClientExchange, Mechanism, finish, respond
from mailward.sasl.mechanisms import gssapi
from mailward.sasl.mechanisms.gssapi import MECHANISM, exchange
from tests.sasl.dialogue import credentials


@dataclass
class Ticket:
    """A security context in two steps; its seal is a word in front, so that a test can read what is inside."""

    steps: int = 2
    mutual: bool = True
    heard: list[bytes | None] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return len(self.heard) >= self.steps

    def step(self, token: bytes | None) -> bytes:
        self.heard.append(token)
        return b"token %d" % len(self.heard) if len(self.heard) < self.steps else b""

    def wrap(self, data: bytes) -> bytes:
        return b"sealed " + data

    def unwrap(self, data: bytes) -> bytes:
        if not data.startswith(b"sealed "):
            raise SaslError("the seal is broken", phase="auth")
        return data.removeprefix(b"sealed ")


def begun(ticket: Ticket, authzid: str = "") -> ClientExchange:
    """Up to where the server is to offer its security layers."""
    client = exchange(ticket, authzid)
    assert next(client) == b"token 1"
    assert respond(client, b"server's token") == b""
    assert ticket.heard == [None, b"server's token"]
    return client


@pytest.mark.parametrize("offer", [b"\x01\0\0\0", b"\x07\0\x10\0", b"\x03\xff\xff\xff"])
@pytest.mark.parametrize("authzid", ["", "jörg@example.test"])
def test_no_security_layer_is_chosen(offer: bytes, authzid: str) -> None:
    """RFC 4752 §3.1: the first octet says so, three zeros, and whom to act as; all under the seal."""
    client = begun(Ticket(), authzid)

    assert respond(client, b"sealed " + offer) == b"sealed \x01\0\0\0" + authzid.encode()
    finish(client)


@pytest.mark.parametrize(
    "offer, words",
    [
        (b"\x06\0\x10\0", "insists on a security layer"),
        (b"\0\0\0\0", "insists on a security layer"),
        (b"\x01\0\x10\0", "a size for one"),
        (b"\x01\0\0", "not 4 octets"),
        (b"\x01\0\0\0\0", "not 4 octets"),
        (b"", "not 4 octets"),
    ],
)
def test_offers_that_end_it(offer: bytes, words: str) -> None:
    """RFC 4752 §3.1: what the client must or may refuse."""
    with pytest.raises(SaslError, match=words):
        respond(begun(Ticket()), b"sealed " + offer)


def test_an_offer_without_a_seal() -> None:
    """Nobody but the server of the ticket can make one."""
    with pytest.raises(SaslError, match="seal"):
        respond(begun(Ticket()), b"\x01\0\0\0")


def test_a_server_that_did_not_prove_itself() -> None:
    """A context without mutual authentication is refused, though it stands."""
    client = exchange(Ticket(mutual=False), "")
    next(client)
    respond(client, b"server's token")

    with pytest.raises(SaslError, match="never proved"):
        respond(client, b"sealed \x01\0\0\0")


def test_success_before_the_end() -> None:
    """235 in place of a token or of the offer is no success."""
    client = exchange(Ticket(), "")
    next(client)
    with pytest.raises(SaslError):
        finish(client)
    with pytest.raises(SaslError, match="seal"):
        finish(begun(Ticket()))


def test_a_context_that_needs_more_steps() -> None:
    """As many as the library wants; each answer goes into it."""
    ticket = Ticket(steps=4)
    client = exchange(ticket, "")
    said = [next(client), respond(client, b"1"), respond(client, b"2"), respond(client, b"3")]

    assert said == [b"token 1", b"token 2", b"token 3", b""]
    assert respond(client, b"sealed \x01\0\0\0") == b"sealed \x01\0\0\0"


def test_the_mechanism_speaks_through_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client role is this exchange, with the context of the system's tickets."""
    asked: list[str] = []

    def kerberos(who: object) -> Ticket:
        asked.append(repr(who))
        return Ticket()

    monkeypatch.setattr(gssapi, "kerberos", kerberos)
    client = MECHANISM.client(credentials("ann", "", "admin"), binding=None, server_offers_plus=False, nonce="x" * 8)

    assert next(client) == b"token 1"
    assert respond(client, b"token") == b""
    assert respond(client, b"sealed \x01\0\0\0") == b"sealed \x01\0\0\0admin"
    assert len(asked) == 1


def test_what_it_is_for() -> None:
    """Tickets; a password buys one only where the mechanism is named."""
    assert isinstance(MECHANISM, Mechanism)
    assert (MECHANISM.credential, MECHANISM.by_name) == ("kerberos", ("password",))
