"""What a refused login means, by the codes and, where those stand for everything, by the words (RFC 4954 §6)."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from mailward.errors import AuthError, AuthUnavailable, BadCredentials, MechanismUnavailable, PolicyBlocked
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.sasl.mechanism import Credentials
    from mailward.secret import Secret
    from mailward.wire.reply import Reply

_POLICY_CODES = frozenset({"5.7.14", "5.7.30", "5.7.57", "5.7.139"})  # Google's and Microsoft's own
_POLICY_WORDS = (
    "application-specific password",
    "app password",
    "web browser",
    "basic authentication is",
    "smtpclientauthentication",
    "security defaults",
    "conditional access",
    "disabled for the tenant",
    "disabled for the mailbox",
    "password has expired",
    "account is locked",
    "user is locked",
)
_WRONG_WORDS = ("credentials were incorrect", "username and password not accepted")  # in spite of a policy's code
_TOO_MANY_WORDS = ("too many", "rate limit")  # in spite of a code for a wrong password

_SHORT = 6  # octets: fewer are found in any text

_BAD = "check user name and password; trying the same again only counts against the account"
_STALE = "the token is wrong, too old, or for something else than sending mail: get another"
_LATER = "the server judges no login now; wait before the next try"
_OTHER_WAY = "the server wants another way to log in: see its reply"
_POLICY = "the password may be right: the operator wants another way to log in, such as OAuth2 or an app password"


def refusal(reply: Reply, credentials: Credentials, *, mechanism: str, told: str = "") -> AuthError:
    """told: what the mechanism was told about it, fit to be shown."""
    from mailward.client.knowledge import advice_for  # noqa: PLC0415  # reads a file, for whom it did not work

    kind, advice = _kind(reply)
    bad_token = kind is BadCredentials and credentials.kind == "token"
    more = f" ({told})" if told else ""
    shown = f"{reply}{more}"
    if repeats(f"{' '.join(reply.lines)} {more}", credentials.password):
        shown = f"{reply.code} and a text that repeats the secret, so it is not shown"
    return kind(
        f"the server refused the login of {printable(credentials.authcid, 100) or 'nobody'} by {mechanism}: {shown}",
        phase="auth",
        code=reply.code,
        enhanced_code=reply.enhanced,
        advice=_STALE if bad_token else advice_for(reply, host=credentials.host) or advice,
    )


def _kind(reply: Reply) -> tuple[type[AuthError], str]:
    if reply.code < 400:
        return AuthError, "whoever takes a login says 235: this server does not follow RFC 4954"
    if reply.code < 500:
        return AuthUnavailable, _LATER
    if _is_policy(reply):
        return PolicyBlocked, _POLICY
    if reply.code == 535 or reply.enhanced == "5.7.8":
        return (AuthUnavailable, _LATER) if _has(reply, _TOO_MANY_WORDS) else (BadCredentials, _BAD)
    if reply.code in (504, 534, 538) or reply.enhanced in ("5.7.4", "5.7.9", "5.7.11"):
        return MechanismUnavailable, _OTHER_WAY
    return AuthError, "see the server's reply"


def _is_policy(reply: Reply) -> bool:
    return not _has(reply, _WRONG_WORDS) and (reply.enhanced in _POLICY_CODES or _has(reply, _POLICY_WORDS))


def repeats(text: str, secret: Secret) -> bool:
    """Whether `text` holds the secret as it is, in hexadecimal, or in base64 with whatever before it."""
    octets = secret.reveal().encode("utf-8", "surrogatepass")
    if len(octets) < _SHORT:
        return False
    in_base64 = (b64encode(bytes(before) + octets)[4 if before else 0 : -4].decode() for before in range(3))
    return any(spelled and spelled in text for spelled in (secret.reveal(), octets.hex(), *in_base64))


def _has(reply: Reply, words: tuple[str, ...]) -> bool:
    text = " ".join(" ".join(reply.lines).casefold().split())
    return any(word in text for word in words)
