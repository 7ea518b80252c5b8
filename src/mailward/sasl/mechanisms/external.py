"""EXTERNAL: the certificate the client showed in the TLS handshake says who it is (RFC 4422 App. A)."""

from __future__ import annotations

from mailward.errors import InputError, SaslError
from mailward.sasl.mechanism import ExternalClaim, Mechanism, ServerExchange, ask
from mailward.sasl.saslprep import prepare_name


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


MECHANISM = Mechanism(name="EXTERNAL", strength=0, credential="certificate", server=server)
