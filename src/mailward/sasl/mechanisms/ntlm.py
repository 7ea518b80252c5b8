"""NTLM: a challenge and a keyed hash, bound to the channel; only where it is asked for ([MS-NLMP], [MS-SMTPNTLM])."""

from __future__ import annotations

from mailward.errors import InputError
from mailward.sasl.mechanism import ChannelBinding, Credentials, Mechanism, SilentExchange
from mailward.sasl.spnego_context import ntlm

_SIGNATURE = b"NTLMSSP\0"


def client(credentials: Credentials, /, *, binding: ChannelBinding | None, **_: object) -> SilentExchange:
    if credentials.authzid:
        raise InputError("NTLM cannot carry an authorization identity", phase="auth")
    context = ntlm(credentials, binding=binding)
    negotiate = context.step(None)
    challenge = yield negotiate
    if not challenge.startswith(_SIGNATURE):  # this server ignores an initial response: it says "NTLM supported"
        challenge = yield negotiate
    yield context.step(challenge)


MECHANISM = Mechanism(
    name="NTLM", strength=1, credential="ntlm", by_name=("password",), reveals_password=True, client=client
)
