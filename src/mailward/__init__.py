"""Mailward, the secure SMTP toolkit: `mailward.send`, `Client`, `AsyncClient`, and what they give and raise.

    import mailward

    receipt = mailward.send("smtps://ann%40example.org:secret@smtp.example.org",
                            to="bob@example.net", subject="Hello", text="Hi Bob.")

Nothing is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailward.client.facade_async import AsyncClient
    from mailward.client.facade_sync import Client
    from mailward.client.one_shot import send
    from mailward.client.options import Limits, Timeout
    from mailward.client.receipt import AuthInfo, Outcome, Receipt, RecipientResult, TlsInfo
    from mailward.client.tls_mode import INSECURE_PLAINTEXT
    from mailward.errors import (
        AuthError,
        AuthUnavailable,
        BadCredentials,
        CertificateError,
        ConnectError,
        ConnectionLost,
        CredentialsBlocked,
        DeadlineExceeded,
        DnsError,
        DowngradeError,
        InputError,
        InvalidAddress,
        InvalidMessage,
        InvalidUrl,
        MailwardError,
        MechanismUnavailable,
        OutcomeUnknown,
        PermanentReply,
        PolicyBlocked,
        ProtocolError,
        ProxyError,
        RecipientsRefused,
        ReplyError,
        RouteError,
        SaslError,
        ServiceUnavailable,
        StartTlsInjection,
        TlsError,
        TlsRequired,
        TransientReply,
    )
    from mailward.secret import Secret

_ROOMS = {
    "AsyncClient": "mailward.client.facade_async",
    "Client": "mailward.client.facade_sync",
    "send": "mailward.client.one_shot",
    "Limits": "mailward.client.options",
    "Timeout": "mailward.client.options",
    "AuthInfo": "mailward.client.receipt",
    "Outcome": "mailward.client.receipt",
    "Receipt": "mailward.client.receipt",
    "RecipientResult": "mailward.client.receipt",
    "TlsInfo": "mailward.client.receipt",
    "INSECURE_PLAINTEXT": "mailward.client.tls_mode",
    "Secret": "mailward.secret",
}

__all__ = [
    "INSECURE_PLAINTEXT",
    "AsyncClient",
    "AuthError",
    "AuthInfo",
    "AuthUnavailable",
    "BadCredentials",
    "CertificateError",
    "Client",
    "ConnectError",
    "ConnectionLost",
    "CredentialsBlocked",
    "DeadlineExceeded",
    "DnsError",
    "DowngradeError",
    "InputError",
    "InvalidAddress",
    "InvalidMessage",
    "InvalidUrl",
    "Limits",
    "MailwardError",
    "MechanismUnavailable",
    "Outcome",
    "OutcomeUnknown",
    "PermanentReply",
    "PolicyBlocked",
    "ProtocolError",
    "ProxyError",
    "Receipt",
    "RecipientResult",
    "RecipientsRefused",
    "ReplyError",
    "RouteError",
    "SaslError",
    "Secret",
    "ServiceUnavailable",
    "StartTlsInjection",
    "Timeout",
    "TlsError",
    "TlsInfo",
    "TlsRequired",
    "TransientReply",
    "send",
]


if not TYPE_CHECKING:  # so that a type checker tells a name that is not there

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'mailward' has no attribute {name!r}")
        value = getattr(import_module(_ROOMS.get(name, "mailward.errors")), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
