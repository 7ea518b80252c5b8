"""EXTERNAL: the certificate the client showed in the TLS handshake says who it is (RFC 4422 App. A)."""

from __future__ import annotations

from mailward.errors import InputError, SaslError
from mailward.sasl.mechanism import (
    Credentials,
    ExternalClaim,
    Mechanism,
    ServerExchange,
    SilentExchange,
    ask,
)
from mailward.sasl.saslprep import prepare_name


def client(credentials: Credentials, /, **_: object) -> SilentExchange:
    """Whom to act as; nothing leaves that to the certificate."""
    wanted = credentials.authzid or credentials.authcid
    yield prepare_name(wanted, what="authorization identity").encode() if wanted else b""


def server(initial_response: bytes | None, /, **_: object) -> ServerExchange:
    if initial_response is None:
        initial_response = yield from ask(b"")
    if not initial_response:
        return ExternalClaim("")
    try:
        return ExternalClaim(prepare_name(initial_response.decode(), what="authorization identity"))
    except UnicodeDecodeError:
        raise SaslError("EXTERNAL response is not UTF-8", phase="auth") from None
    except InputError as error:
        raise SaslError(f"EXTERNAL response: {error.message}", phase="auth") from error


MECHANISM = Mechanism(name="EXTERNAL", strength=3, credential="certificate", client=client, server=server)
