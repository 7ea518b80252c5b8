"""GSSAPI: a Kerberos ticket for smtp@host logs in, and the server proves itself too (RFC 4752)."""

from __future__ import annotations

from mailward.errors import SaslError
from mailward.sasl.mechanism import Credentials, Mechanism, SilentExchange
from mailward.sasl.saslprep import prepare_name
from mailward.sasl.spnego_context import Context, kerberos

_NO_LAYER = 1  # §3.3: the first octet is a set of security layers, three more the longest message inside one


def client(credentials: Credentials, /, **_: object) -> SilentExchange:
    authzid = prepare_name(credentials.authzid, what="authorization identity") if credentials.authzid else ""
    yield from exchange(kerberos(credentials), authzid)


def exchange(context: Context, authzid: str) -> SilentExchange:
    """§3.1: tokens until the context stands, then what comes after it: nothing, for the channel is TLS already."""
    challenge = yield context.step(None)
    while not context.complete:
        challenge = yield context.step(challenge)
    if not context.mutual:
        raise SaslError("the server never proved by Kerberos who it is", phase="auth")
    _check_offer(context.unwrap(challenge))
    yield context.wrap(bytes((_NO_LAYER, 0, 0, 0)) + authzid.encode())


def _check_offer(offer: bytes) -> None:
    if len(offer) != 4:
        raise SaslError("the server's offer of security layers is not 4 octets (RFC 4752 §3.1)", phase="auth")
    if not offer[0] & _NO_LAYER:
        raise SaslError("the server insists on a security layer of its own inside TLS", phase="auth")
    if offer[0] == _NO_LAYER and any(offer[1:]):
        raise SaslError("the server offers no security layer and a size for one (RFC 4752 §3.1)", phase="auth")


MECHANISM = Mechanism(name="GSSAPI", strength=10, credential="kerberos", by_name=("password",), client=client)
