"""Logins of our client at Dovecot's own submission service, with passwords and with tokens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailward.client.authenticate import authenticate
from mailward.client.receipt import AuthInfo
from mailward.client.secure import certificate_of
from mailward.errors import BadCredentials
from mailward.net.ports import Ports
from mailward.net.tls_stream import TlsStream
from mailward.sasl.mechanism import Credentials
from mailward.secret import Secret
from tests.support.dovecot_submission import DovecotSubmission
from tests.support.drivers import Driver, both_drivers
from tests.support.hostile import HostileServer, Script, hostile_server
from tests.support.login_flow import HOST, talking
from tests.support.sending import MESSAGE, Face, both_faces

pytestmark = [pytest.mark.e2e, pytest.mark.peer("dovecot-submission")]

ANN = "ann@example.test"
PASSWORD = "pässwörd of ann"


@pytest.fixture(scope="module")
def relay() -> Iterator[HostileServer]:
    with hostile_server(Script()) as server:
        yield server


@pytest.fixture(scope="module")
def dovecot(relay: HostileServer) -> Iterator[DovecotSubmission]:
    with DovecotSubmission({ANN: PASSWORD}, relay=relay.port) as daemon:
        yield daemon


def logged_in(driver: Driver, dovecot: DovecotSubmission, who: Credentials, mechanism: str | None = None) -> AuthInfo:
    async def flow(ports: Ports) -> AuthInfo:
        async with talking(ports, dovecot.port) as conversation:
            assert isinstance(conversation.stream, TlsStream)
            shown = certificate_of(conversation.stream)
            allowed = None if mechanism is None else [mechanism]
            return await authenticate(conversation, who, allowed=allowed, certificate=shown, ports=ports)

    return driver.run(flow)


def with_token(token: str) -> Credentials:
    return Credentials(ANN, Secret(token), kind="token", host=HOST, port=587)


@both_drivers
def test_passwords(driver: Driver, dovecot: DovecotSubmission) -> None:
    """Each mechanism, a password that is not ASCII; the strongest by itself. A wrong one is told, once."""
    ann = Credentials(ANN, Secret(PASSWORD))
    for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"):
        assert logged_in(driver, dovecot, ann, mechanism) == AuthInfo(mechanism)
    assert logged_in(driver, dovecot, ann).mechanism == "SCRAM-SHA-256"
    with pytest.raises(BadCredentials, match=r"5\.7\.8"):
        logged_in(driver, dovecot, Credentials(ANN, Secret("crayon")))


@both_drivers
@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_tokens(driver: Driver, dovecot: DovecotSubmission, mechanism: str) -> None:
    """A signed token logs in; of one that is too old the server's JSON is told."""
    assert logged_in(driver, dovecot, with_token(dovecot.token(ANN)), mechanism) == AuthInfo(mechanism)
    with pytest.raises(BadCredentials, match="the server says of the token: status") as caught:
        logged_in(driver, dovecot, with_token(dovecot.token(ANN, lives=-60)), mechanism)

    assert "https://id.example.test/.well-known/openid-configuration" in str(caught.value)
    assert "get another" in caught.value.advice


@both_faces
def test_a_message(face: Face, dovecot: DovecotSubmission, relay: HostileServer) -> None:
    """Through Dovecot to the server it relays to, after a login by SCRAM."""
    before = len(relay.contents)
    receipt = face.send(f"smtps://{HOST}:{dovecot.port}", MESSAGE, auth=(ANN, PASSWORD))

    assert receipt.ok
    assert receipt.auth == AuthInfo("SCRAM-SHA-256")
    assert len(relay.contents) == before + 1
    assert b"hello" in relay.contents[-1]
