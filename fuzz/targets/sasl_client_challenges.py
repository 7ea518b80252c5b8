"""The client's mechanisms but SCRAM, told anything: few words in answer, no error but SaslError, no layer in GSSAPI."""

from __future__ import annotations

from mailward.errors import MailwardError, SaslError
from mailward.sasl.bearer_error import told
from mailward.sasl.mechanism import ClientExchange, Credentials, refused, respond
from mailward.sasl.mechanisms import anonymous, cram_md5, external, gssapi, login, ntlm, oauthbearer, plain, xoauth2
from mailward.secret import Secret

_MECHANISMS = [each.MECHANISM for each in (anonymous, cram_md5, external, login, ntlm, oauthbearer, plain, xoauth2)]
_CREDENTIALS = Credentials("EXAMPLE\\ann", Secret("pencil"), host="mail.example.test", port=587)
_MOST = 5  # responses of any of them

SEEDS: list[bytes] = [
    b"Username:\nPassword:\n",
    b"Password:\nUsername:",
    b'{"status":"invalid_token","scope":"mail","openid-configuration":"https://example.test/"}\n',
    b'{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}',
    b"[[[[[[[[",
    b"<1896.697170952@postoffice.example.test>",
    b"server's token\nsealed \x01\0\0\0",
    b"server's token\nsealed \x06\0\x10\0",
    b"NTLM supported\nNTLMSSP\0\x02\0\0\0\x0c\0\x0c\0\x38\0\0\0\x05\x82\x8a\xe2"
    + b"\x01" * 8
    + bytes(8)
    + b"\x24\0\x24\0\x44\0\0\0"
    b"\x06\x03\x80\x25\0\0\0\x0fS\0e\0r\0v\0e\0r\0\x02\0\x0c\0D\0o\0m\0a\0i\0n\0\x01\0\x0c\0S\0e\0r\0v\0e\0r\0\0\0\0\0",
    b"NTLMSSP\0\x02\0\0\0",
]


class _Ticket:
    """A security context that stands after one token; its seal is a word in front."""

    complete = False
    mutual = True

    def step(self, token: bytes | None) -> bytes:
        self.complete = token is not None
        return b"token"

    def wrap(self, data: bytes) -> bytes:
        return b"sealed " + data

    def unwrap(self, data: bytes) -> bytes:
        if not data.startswith(b"sealed "):
            raise SaslError("the seal is broken", phase="auth")
        return data.removeprefix(b"sealed ")


def target(data: bytes) -> None:
    """One challenge a line to each; then a refusal. The whole as the error of a token, too."""
    if not told(data).isprintable():
        raise AssertionError("an error that cannot be shown")
    challenges = data.split(b"\n")
    for mechanism in _MECHANISMS:
        _hear(
            mechanism.client(_CREDENTIALS, binding=None, server_offers_plus=False, nonce="12345678"), list(challenges)
        )
    said = _hear(gssapi.exchange(_Ticket(), "ann"), challenges)
    if said[2:] not in ([], [b"sealed \x01\0\0\0ann"]):
        raise AssertionError("a security layer was chosen")


def _hear(exchange: ClientExchange, challenges: list[bytes]) -> list[bytes]:
    said = [next(exchange)]
    try:
        for challenge in challenges:
            said.append(respond(exchange, challenge))
            if len(said) > _MOST:
                raise AssertionError("it goes on and on")
        if not refused(exchange).isprintable():
            raise AssertionError("last words that cannot be shown")
    except MailwardError as error:
        if not isinstance(error, SaslError) or not str(error).isprintable():
            raise AssertionError("an error that the caller does not expect") from error
    return said
