"""Every exception Mailward raises, in one tree.

    MailwardError
    ├── InputError (ValueError)            what the caller gave cannot be used; nothing was sent or changed
    │   ├── InvalidAddress
    │   ├── InvalidMessage
    │   ├── InvalidUrl
    │   ├── InvalidConfig                  .file .line .key
    │   └── PasswordRefused                .reasons: every rule it breaks
    ├── ConnectError (OSError)             no session: name, TCP, or a greeting that turns us away
    │   ├── DnsError
    │   ├── ProxyError                     the proxy on the way refused, or broke its protocol
    │   ├── RouteError                     the domain takes no mail, or no way to it is safe enough
    │   └── ServiceUnavailable             the greeting or EHLO was 421/4yz/5yz
    ├── ConnectionLost (ConnectionError)   the peer went away in the middle; nothing was accepted
    ├── DeadlineExceeded (TimeoutError)    the time given for the whole operation is over
    ├── TlsError                           the channel could not be secured; no credential byte was sent
    │   ├── TlsRequired                    STARTTLS not offered or refused (a stripping attack looks like this)
    │   ├── CertificateError               untrusted, expired, wrong name …
    │   ├── DowngradeError                 weaker than what this server is known to do; .was and .now tell both
    │   └── StartTlsInjection              plaintext bytes followed the 220 to STARTTLS (CVE-2026-41319 class)
    ├── ProtocolError                      the peer broke RFC 5321
    │   ├── BadSequence                    a command that is not legal now
    │   └── BadCommand                     a command we cannot parse; carries the reply to give
    ├── SaslError                          the peer broke the mechanism's rules
    ├── AuthError                          the login did not succeed
    │   ├── BadCredentials                 535 and its kind: do not try the same again
    │   │   └── CredentialsBlocked         refused before with this very secret: it was not tried again
    │   ├── TokenRefused                   the token endpoint gave no access token; .reason is its code
    │   ├── PolicyBlocked                  the operator forbids this way to log in, whatever the password
    │   ├── MechanismUnavailable           no common mechanism
    │   └── AuthUnavailable                454 and its kind: throttled or out of order, try later
    ├── ReplyError                         a refusal of the whole message
    │   ├── TransientReply                 4yz
    │   └── PermanentReply                 5yz
    ├── RecipientsRefused                  nobody was accepted; .receipt tells each reply
    ├── OutcomeUnknown                     the final reply never came: it may or may not have been accepted
    └── StoreError                         the state directory cannot be read or written
        ├── StoreFull                      no space (answered with 452 before anything is accepted)
        └── StoreBusy                      another process holds it

Each carries `.phase .code .enhanced_code .retryable .advice`; those of a send carry `.receipt`
and `.outcome`.
A message never holds a secret, and peer text in it is escaped (`mailward.printable`).
"""

from __future__ import annotations

from typing import Any


class MailwardError(Exception):
    """The root. `phase`: where it happened (connect, greeting, ehlo, starttls, auth, mail, rcpt, data, …).

    `code`/`enhanced_code`: of the reply that caused it, if one did. `retryable`: whether the same call may
    succeed later unchanged. `advice`: what to do next, one sentence.
    """

    retryable: bool = False
    advice: str = ""
    receipt: Any = None

    def __init__(
        self,
        message: str,
        *,
        phase: str = "",
        code: int | None = None,
        enhanced_code: str | None = None,
        retryable: bool | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.phase = phase
        self.code = code
        self.enhanced_code = enhanced_code
        if retryable is not None:
            self.retryable = retryable
        if advice is not None:
            self.advice = advice

    @property
    def outcome(self) -> str:
        """What became of the message: that of the receipt, "not-sent" where there is none."""
        return "not-sent" if self.receipt is None else str(self.receipt.outcome)


class InputError(MailwardError, ValueError):
    """What the caller gave cannot be used; nothing was sent or changed."""


class InvalidAddress(InputError):
    """Not a mailbox or path of RFC 5321 §4.1.2 (with RFC 6531's additions)."""


class InvalidMessage(InputError):
    """A header or a body that must not go on the wire."""


class InvalidUrl(InputError):
    """Not an smtp:, smtps: URL we understand."""


class InvalidConfig(InputError):
    """One thing wrong in a configuration file: `file`, `line` (1-based, None if unknown), `key` (dotted)."""

    def __init__(
        self,
        message: str,
        *,
        file: str = "",
        line: int | None = None,
        key: str = "",
        advice: str | None = None,
    ) -> None:
        super().__init__(message, phase="config", advice=advice)
        self.file = file
        self.line = line
        self.key = key


class PasswordRefused(InputError):
    """A new password the policy refuses; `reasons` holds every rule it breaks, in plain words."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("password refused: " + "; ".join(reasons), phase="password")
        self.reasons = reasons


class ConnectError(MailwardError, OSError):
    """No session could be opened."""

    retryable = True


class DnsError(ConnectError):
    """The host name does not resolve."""


class ProxyError(ConnectError):
    """The proxy between us and the server refused, or broke its protocol."""


class RouteError(ConnectError):
    """The domain takes no mail (RFC 7505), or none of its servers can be reached as safely as it asks for."""


class ServiceUnavailable(ConnectError):
    """The server answered the connection or EHLO with a refusal."""


class ConnectionLost(MailwardError, ConnectionError):
    """The peer closed or reset the connection before anything was accepted."""

    retryable = True


class DeadlineExceeded(MailwardError, TimeoutError):
    """The time given for the whole operation is over."""

    retryable = True


class TlsError(MailwardError):
    """The channel could not be secured. No credential byte was sent."""


class TlsRequired(TlsError):
    """The server does not offer STARTTLS, or refused it."""


class CertificateError(TlsError):
    """The server's certificate is not one we may trust for this name."""


class DowngradeError(TlsError):
    """The server offers less than it is known to: `was` and `now` tell the two, by name of what differs."""

    def __init__(self, message: str, *, was: dict[str, str], now: dict[str, str], phase: str, advice: str) -> None:
        super().__init__(message, phase=phase, advice=advice)
        self.was = was
        self.now = now


class StartTlsInjection(TlsError):
    """Bytes followed the reply to STARTTLS before the handshake: someone is writing into the plaintext."""


class ProtocolError(MailwardError):
    """The peer broke RFC 5321."""


class BadSequence(ProtocolError):
    """A command that is not legal in this state (RFC 5321 §4.1.4)."""


class BadCommand(ProtocolError):
    """A command line that cannot be parsed. `code`, `enhanced_code` and `text` are the reply to give.

    `fatal`: the connection must end (another protocol's client, bytes that cannot be a command).
    """

    def __init__(self, code: int, enhanced_code: str, text: str, *, fatal: bool = False) -> None:
        super().__init__(text, phase="command", code=code, enhanced_code=enhanced_code)
        self.text = text
        self.fatal = fatal


class SaslError(MailwardError):
    """The peer broke the rules of the mechanism (RFC 4422)."""


class AuthError(MailwardError):
    """The login did not succeed."""


class BadCredentials(AuthError):
    """The server refused these credentials; trying the same again only counts against the account."""


class CredentialsBlocked(BadCredentials):
    """This secret was refused before, and was not tried again: nothing was sent."""


class TokenRefused(AuthError):
    """The authorization server gave no access token (RFC 6749 §5.2). `reason`: its code, such as invalid_grant."""

    reason: str = ""


class PolicyBlocked(AuthError):
    """The server's operator forbids this way to log in, whatever the password."""


class MechanismUnavailable(AuthError):
    """The server offers no mechanism we may use with these credentials on this channel."""


class AuthUnavailable(AuthError):
    """The server cannot judge the login now: throttled, busy or out of order."""

    retryable = True


class ReplyError(MailwardError):
    """The server refused the whole message."""


class TransientReply(ReplyError):
    """A 4yz reply."""

    retryable = True


class PermanentReply(ReplyError):
    """A 5yz reply."""


class RecipientsRefused(MailwardError):
    """Every recipient was refused; `.receipt.recipients` holds each reply."""


class OutcomeUnknown(MailwardError):
    """The connection ended between the end of the content and its reply; never retried blindly."""


class StoreError(MailwardError):
    """The state directory cannot be read or written."""


class StoreFull(StoreError):
    """No space left for another message."""

    retryable = True


class StoreBusy(StoreError):
    """Another process holds the state directory."""

    retryable = True
