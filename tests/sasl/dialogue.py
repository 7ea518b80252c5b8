"""Both ends of an exchange, driven by hand: what a session does, without the session."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from mailward.sasl.mechanism import (
    ChannelBinding,
    Claim,
    ClientExchange,
    Credentials,
    FindKeys,
    Mechanism,
    PasswordClaim,
    ProofClaim,
    ScramKeys,
    ServerExchange,
    finish,
    respond,
)
from mailward.sasl.scram import derive_keys, fake_keys, server_signature
from mailward.secret import Secret

CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SALT = b"salt of 16 bytes"
ITERATIONS = 4096  # quick; the default is for stored passwords
BINDING = ChannelBinding("tls-server-end-point", b"hash of the certificate")
OTHER_BINDING = ChannelBinding("tls-server-end-point", b"hash of another certificate")
ANN = "ann@example.test"
SITE_SECRET = b"secret of this installation"


def credentials(authcid: str = "ann@example.test", password: str = "pencil", authzid: str = "") -> Credentials:
    return Credentials(authcid, Secret(password), authzid)


def keys_of(password: str) -> ScramKeys:
    return derive_keys(password, SALT, ITERATIONS)


@dataclass
class Server:
    """A server's driver: knows accounts, gives stable fake keys to the rest."""

    accounts: dict[str, ScramKeys]
    bindings: tuple[ChannelBinding, ...] = ()
    plus_offered: bool = False
    nonce: str = SERVER_NONCE
    asked_for: list[str] = field(default_factory=list)
    said: list[bytes] = field(default_factory=list)

    def start(self, mechanism: Mechanism, initial_response: bytes | None) -> ServerExchange:
        return mechanism.server(
            initial_response, bindings=self.bindings, plus_offered=self.plus_offered, nonce=self.nonce
        )

    def step(self, exchange: ServerExchange, response: bytes | None) -> bytes | Claim:
        """The next challenge, or the claim at the end. `response` is None at the start."""
        try:
            item = exchange.send(response)
            if isinstance(item, FindKeys):
                self.asked_for.append(item.authcid)
                item = exchange.send(
                    self.accounts.get(item.authcid) or fake_keys(SITE_SECRET, item.authcid, ITERATIONS)
                )
        except StopIteration as end:
            claim: Claim = end.value
            return claim
        assert not isinstance(item, FindKeys)
        self.said.append(item.data)
        return item.data


def server_final_of(gs2_header: str, keys: ScramKeys | None = None) -> bytes:
    """The signature, put together by hand from RFC 5802 §3."""
    keys = keys or keys_of("pencil")
    nonce = CLIENT_NONCE + SERVER_NONCE
    signed = (
        f"n={ANN},r={CLIENT_NONCE},r={nonce},s={base64.b64encode(SALT).decode()},i={ITERATIONS},"
        f"c={base64.b64encode(gs2_header.encode()).decode()},r={nonce}"
    )
    return b"v=" + base64.b64encode(server_signature(keys.server_key, signed.encode()))


def start_client(
    mechanism: Mechanism,
    who: Credentials,
    *,
    binding: ChannelBinding | None = None,
    server_offers_plus: bool = False,
) -> ClientExchange:
    return mechanism.client(who, binding=binding, server_offers_plus=server_offers_plus, nonce=CLIENT_NONCE)


def converse(client: ClientExchange, mechanism: Mechanism, server: Server, *, initial: bool = True) -> Claim:
    """The whole login; `initial`: the client's first response goes with the AUTH command. `finish` if it was proven."""
    response = next(client)
    exchange = server.start(mechanism, response if initial else None)
    heard = server.step(exchange, None)
    if not initial:
        assert isinstance(heard, bytes)
        heard = server.step(exchange, response)
    while isinstance(heard, bytes):
        heard = server.step(exchange, respond(client, heard))
    if isinstance(heard, PasswordClaim) or (isinstance(heard, ProofClaim) and heard.proven):
        finish(client)
    return heard
