"""What a SASL mechanism is: two generators, one for each role, and the values they exchange (RFC 4422).

A client exchange yields its responses and is sent the challenges; its first yield is the initial response:

    response = next(exchange)                 # AUTH <mechanism> <initial response>
    response = respond(exchange, challenge)   # at each 334: what to answer
    finish(exchange)                          # at 235: is the mechanism satisfied too?
    why = refused(exchange)                   # at a refusal: what the mechanism was told about it

`finish` is what makes mutual authentication true: a server that says 235 before it has proved itself fails there.
A client exchange raises `InputError` for credentials the mechanism cannot carry (nothing was sent yet) and
`SaslError` for a server that breaks the rules (the answer to it is `*`). `respond` may take long (PBKDF2).

A server exchange yields `Challenge` (send it, send the response back in) and `FindKeys` (look them up, send them
back in), and returns a claim. A cancelled exchange (`*`) is simply closed. What a claim is worth the server judges.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final, Literal, Never, Protocol, TypeAlias

from mailward.errors import MechanismUnavailable, SaslError
from mailward.secret import Secret

Kind: TypeAlias = Literal["password", "token", "certificate", "anonymous", "kerberos", "ntlm"]
KINDS: Final[tuple[Kind, ...]] = ("password", "token", "certificate", "anonymous", "kerberos", "ntlm")


@dataclass(frozen=True, slots=True)
class Credentials:
    """authcid: whose password it is. authzid: whom to act as, empty for the same.

    kind: what `password` is: a password, a bearer token, or nothing: the certificate of the TLS handshake speaks, or
    nobody does (authcid is then what to leave behind, a mailbox or nothing), or a ticket that the system keeps.
    host, port: whom we think we talk to; a token or a ticket is for that server only.
    """

    authcid: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    authzid: str = ""
    kind: Kind = field(default="password", kw_only=True)
    host: str = field(default="", kw_only=True)
    port: int = field(default=0, kw_only=True)


@dataclass(frozen=True, slots=True)
class ChannelBinding:
    """What both ends of one TLS channel know and nobody between them does.

    type: "tls-exporter" (RFC 9266) or "tls-server-end-point" (RFC 5929).
    """

    type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """What a server keeps of a password for SCRAM (RFC 5802 §3); it verifies with them and cannot log in with them.

    others: of the account's further passwords, each as good as this one. old: of those it had before, which prove
    nothing any more but are recognised. All have the same salt and iterations: one exchange is checked against each.
    silent: of a password that may not log in now. Who proves it is answered as one who proves nothing.
    """

    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    others: tuple[ScramKeys, ...] = field(default=(), repr=False)
    old: tuple[ScramKeys, ...] = field(default=(), repr=False)
    silent: bool = field(default=False, repr=False)


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send `data` to the client and its response back into the exchange.

    proven: the client has proved that it knows the password, and `data` tells it so: who hangs up now knows it too.
    """

    data: bytes
    proven: bool = False


@dataclass(frozen=True, slots=True)
class FindKeys:
    """Send the keys of `authcid` back into the exchange: the real ones, or `scram.fake_keys` for nobody's.

    For an account that may not log in now send `scram.barred_keys` of its own, for a password that may not be used now
    keys that are `silent`: a right proof would be answered with the server's signature, which tells a guesser that the
    guess was right.
    """

    authcid: str


@dataclass(frozen=True, slots=True)
class PasswordClaim:
    """The client says this is the password: SASLprep-ed as a query string, so compare it with a prepared one."""

    authcid: str
    authzid: str
    password: Secret


@dataclass(frozen=True, slots=True)
class ProofClaim:
    """The client has proved, or failed to, that it knows the password.

    channel_binding: the type it is bound with, if it is. final: the server-final message that was sent.
    which: with what it was proved, 0 for the keys themselves, n for `others[n - 1]`. stale: nothing is proved, but
    one of the old passwords would have been. silent: nothing is proved, as far as the client can tell; the keys that
    `which` names are silent ones.
    """

    authcid: str
    authzid: str
    proven: bool
    channel_binding: str | None
    final: bytes = field(repr=False)
    which: int = 0
    stale: bool = False
    silent: bool = False


@dataclass(frozen=True, slots=True)
class BearerClaim:
    """The client shows a token that somebody else has to judge (RFC 6750).

    authcid: the account it says the token is for, empty when it leaves that to the token. authzid: whom to act as,
    empty for the same. error: the challenge that says a bad token is bad; the client answers it with a response that
    means nothing, and only then comes the refusal (RFC 7628 §3.2.3).
    """

    authcid: str
    authzid: str
    token: Secret
    error: bytes


@dataclass(frozen=True, slots=True)
class ExternalClaim:
    """The client says that it is who its channel says it is: the certificate it showed in the TLS handshake.

    authzid: whom to act as, empty for the certificate's own account.
    """

    authzid: str


Answer: TypeAlias = bytes | ScramKeys | None
Claim: TypeAlias = PasswordClaim | ProofClaim | BearerClaim | ExternalClaim
ClientExchange: TypeAlias = Generator[bytes, bytes, str | None]
SilentExchange: TypeAlias = Generator[bytes, bytes, None]  # a client's that is told nothing about a refusal
ServerExchange: TypeAlias = Generator[Challenge | FindKeys, Answer, Claim]


class ClientRole(Protocol):
    """`binding`: of this channel, if it has one. `nonce`: fresh, printable, at least 8 characters, no comma."""

    def __call__(
        self, credentials: Credentials, /, *, binding: ChannelBinding | None, server_offers_plus: bool, nonce: str
    ) -> ClientExchange: ...


class ServerRole(Protocol):
    """`bindings`: those of this channel. `plus_offered`: whether EHLO named a -PLUS mechanism. `nonce`: as above."""

    def __call__(
        self,
        initial_response: bytes | None,
        /,
        *,
        bindings: tuple[ChannelBinding, ...],
        plus_offered: bool,
        nonce: str,
    ) -> ServerExchange: ...


def absent(*_: object, **__: object) -> Never:
    """The role of a mechanism that it does not have."""
    raise MechanismUnavailable("this mechanism does not have this role", phase="auth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """One file of `mechanisms/` holds one of these as `MECHANISM`.

    strength: the client takes the strongest common one. credential: what it needs; a server offers "token" only where
    it can judge tokens, and "certificate" only on a channel with a client's certificate. by_name: credentials that a
    client uses it with only if the caller names it. reveals_password: the peer learns the password or the token, or all
    who listen may guess it in peace, so never without TLS. needs_binding: of no use on a channel without a binding.
    server_first: AUTH carries no response; the client's first yield is empty and said to nobody.
    """

    name: str
    strength: int
    credential: Kind = "password"
    by_name: tuple[Kind, ...] = ()
    reveals_password: bool = False
    needs_binding: bool = False
    server_first: bool = False
    client: ClientRole = absent
    server: ServerRole = absent


def respond(exchange: ClientExchange, challenge: bytes) -> bytes:
    """The response to `challenge`; SaslError when the mechanism has nothing more to say."""
    try:
        return exchange.send(challenge)
    except StopIteration:
        raise SaslError("the server asks for more than the mechanism has to say", phase="auth") from None


def finish(exchange: ClientExchange) -> None:
    """The server says the login succeeded: SaslError unless the mechanism had come to its end."""
    try:
        exchange.send(b"")
    except StopIteration:
        return
    raise SaslError("the server said success in the middle of the exchange", phase="auth")


class Refused(Exception):
    """No error: thrown into an exchange at the server's refusal; one that was told why returns that."""


def refused(exchange: ClientExchange) -> str:
    """What the mechanism was told about the refusal, fit to be shown; empty if nothing. It is over then."""
    try:
        exchange.throw(Refused())
    except Refused:
        return ""
    except StopIteration as end:
        return end.value or ""
    raise SaslError("the mechanism goes on after the refusal", phase="auth")


def ask(data: bytes, *, proven: bool = False) -> Generator[Challenge, Answer, bytes]:
    """For server roles: `response = yield from ask(challenge)`."""
    response = yield Challenge(data, proven)
    if not isinstance(response, bytes):
        raise TypeError(f"a Challenge is answered with bytes, not {type(response).__name__}")
    return response


def find_keys(authcid: str) -> Generator[FindKeys, Answer, ScramKeys]:
    """For server roles: `keys = yield from find_keys(authcid)`."""
    keys = yield FindKeys(authcid)
    if not isinstance(keys, ScramKeys):
        raise TypeError(f"FindKeys is answered with ScramKeys, not {type(keys).__name__}")
    return keys
