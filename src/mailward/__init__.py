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
    from mailward.client.asking import check, discover, explain
    from mailward.client.breaker import forget_refusals
    from mailward.client.check import CheckReport, CheckStep
    from mailward.client.direct import INSECURE_OPPORTUNISTIC, AsyncDirectClient, DirectClient, DirectReceipt
    from mailward.client.discover import Found
    from mailward.client.facade_async import AsyncClient
    from mailward.client.facade_sync import Client
    from mailward.client.failover import AsyncFailover, AsyncRoundRobin, Failover, RoundRobin
    from mailward.client.how import Dsn
    from mailward.client.identities import NTLM, Anonymous, External, Kerberos
    from mailward.client.knowledge import Explanation
    from mailward.client.limits import Limits, Rate
    from mailward.client.memory import Memory
    from mailward.client.oauth2 import OAuth2
    from mailward.client.oauth2_device import DevicePrompt
    from mailward.client.observer import SessionEvent
    from mailward.client.one_shot import send
    from mailward.client.options import Timeout
    from mailward.client.outbox import AsyncOutbox, Flushed, Outbox
    from mailward.client.password_places import Environment, Keyring, PasswordFile
    from mailward.client.passwords import Password
    from mailward.client.proxies import Proxy
    from mailward.client.receipt import AuthInfo, Outcome, Receipt, RecipientResult, TlsInfo
    from mailward.client.schedule import Schedule
    from mailward.client.tls_mode import INSECURE_PLAINTEXT, TLS
    from mailward.client.tls_report import TlsReports
    from mailward.client.transports.face import AsyncTransport
    from mailward.client.transports.folder import Maildir, PickupFolder
    from mailward.client.transports.memory import MemoryTransport
    from mailward.client.transports.place import transport
    from mailward.client.transports.sendmail import Sendmail
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
        StoreError,
        TlsError,
        TlsRequired,
        TokenRefused,
        TransientReply,
    )
    from mailward.message.builder import Message
    from mailward.message.dkim import DKIM
    from mailward.message.dsn import DeliveryReport, RecipientReport, read_report
    from mailward.message.forward import forward, redirect
    from mailward.message.invite import Invitation
    from mailward.message.mdn import read_receipt
    from mailward.message.merge import merge
    from mailward.message.openpgp import OpenPGP
    from mailward.message.smime import SMIME
    from mailward.message.templates import Template
    from mailward.net.dnssec import ROOT_ANCHORS
    from mailward.net.query import Dns
    from mailward.secret import Secret
    from mailward.store.ticket import Ticket
    from mailward.wire.parameters import DeliverBy

_ROOMS = {
    "check": "mailward.client.asking",
    "discover": "mailward.client.asking",
    "explain": "mailward.client.asking",
    "forget_refusals": "mailward.client.breaker",
    "CheckReport": "mailward.client.check",
    "CheckStep": "mailward.client.check",
    "INSECURE_OPPORTUNISTIC": "mailward.client.direct",
    "AsyncDirectClient": "mailward.client.direct",
    "DirectClient": "mailward.client.direct",
    "DirectReceipt": "mailward.client.direct",
    "Found": "mailward.client.discover",
    "AsyncClient": "mailward.client.facade_async",
    "Client": "mailward.client.facade_sync",
    "AsyncFailover": "mailward.client.failover",
    "AsyncRoundRobin": "mailward.client.failover",
    "Failover": "mailward.client.failover",
    "RoundRobin": "mailward.client.failover",
    "Dsn": "mailward.client.how",
    "NTLM": "mailward.client.identities",
    "Anonymous": "mailward.client.identities",
    "External": "mailward.client.identities",
    "Kerberos": "mailward.client.identities",
    "Explanation": "mailward.client.knowledge",
    "Limits": "mailward.client.limits",
    "Rate": "mailward.client.limits",
    "Memory": "mailward.client.memory",
    "OAuth2": "mailward.client.oauth2",
    "DevicePrompt": "mailward.client.oauth2_device",
    "SessionEvent": "mailward.client.observer",
    "send": "mailward.client.one_shot",
    "Timeout": "mailward.client.options",
    "AsyncOutbox": "mailward.client.outbox",
    "Flushed": "mailward.client.outbox",
    "Outbox": "mailward.client.outbox",
    "Environment": "mailward.client.password_places",
    "Keyring": "mailward.client.password_places",
    "PasswordFile": "mailward.client.password_places",
    "Password": "mailward.client.passwords",
    "Proxy": "mailward.client.proxies",
    "AuthInfo": "mailward.client.receipt",
    "Outcome": "mailward.client.receipt",
    "Receipt": "mailward.client.receipt",
    "RecipientResult": "mailward.client.receipt",
    "TlsInfo": "mailward.client.receipt",
    "Schedule": "mailward.client.schedule",
    "INSECURE_PLAINTEXT": "mailward.client.tls_mode",
    "TLS": "mailward.client.tls_mode",
    "TlsReports": "mailward.client.tls_report",
    "AsyncTransport": "mailward.client.transports.face",
    "Maildir": "mailward.client.transports.folder",
    "PickupFolder": "mailward.client.transports.folder",
    "MemoryTransport": "mailward.client.transports.memory",
    "transport": "mailward.client.transports.place",
    "Sendmail": "mailward.client.transports.sendmail",
    "Message": "mailward.message.builder",
    "DKIM": "mailward.message.dkim",
    "DeliveryReport": "mailward.message.dsn",
    "RecipientReport": "mailward.message.dsn",
    "read_report": "mailward.message.dsn",
    "forward": "mailward.message.forward",
    "redirect": "mailward.message.forward",
    "Invitation": "mailward.message.invite",
    "read_receipt": "mailward.message.mdn",
    "merge": "mailward.message.merge",
    "OpenPGP": "mailward.message.openpgp",
    "SMIME": "mailward.message.smime",
    "Template": "mailward.message.templates",
    "ROOT_ANCHORS": "mailward.net.dnssec",
    "Dns": "mailward.net.query",
    "Secret": "mailward.secret",
    "Ticket": "mailward.store.ticket",
    "DeliverBy": "mailward.wire.parameters",
}

__all__ = [
    "DKIM",
    "INSECURE_OPPORTUNISTIC",
    "INSECURE_PLAINTEXT",
    "NTLM",
    "ROOT_ANCHORS",
    "SMIME",
    "TLS",
    "Anonymous",
    "AsyncClient",
    "AsyncDirectClient",
    "AsyncFailover",
    "AsyncOutbox",
    "AsyncRoundRobin",
    "AsyncTransport",
    "AuthError",
    "AuthInfo",
    "AuthUnavailable",
    "BadCredentials",
    "CertificateError",
    "CheckReport",
    "CheckStep",
    "Client",
    "ConnectError",
    "ConnectionLost",
    "CredentialsBlocked",
    "DeadlineExceeded",
    "DeliverBy",
    "DeliveryReport",
    "DevicePrompt",
    "DirectClient",
    "DirectReceipt",
    "Dns",
    "DnsError",
    "DowngradeError",
    "Dsn",
    "Environment",
    "Explanation",
    "External",
    "Failover",
    "Flushed",
    "Found",
    "InputError",
    "InvalidAddress",
    "InvalidMessage",
    "InvalidUrl",
    "Invitation",
    "Kerberos",
    "Keyring",
    "Limits",
    "Maildir",
    "MailwardError",
    "MechanismUnavailable",
    "Memory",
    "MemoryTransport",
    "Message",
    "OAuth2",
    "OpenPGP",
    "Outbox",
    "Outcome",
    "OutcomeUnknown",
    "Password",
    "PasswordFile",
    "PermanentReply",
    "PickupFolder",
    "PolicyBlocked",
    "ProtocolError",
    "Proxy",
    "ProxyError",
    "Rate",
    "Receipt",
    "RecipientReport",
    "RecipientResult",
    "RecipientsRefused",
    "ReplyError",
    "RoundRobin",
    "RouteError",
    "SaslError",
    "Schedule",
    "Secret",
    "Sendmail",
    "ServiceUnavailable",
    "SessionEvent",
    "StartTlsInjection",
    "StoreError",
    "Template",
    "Ticket",
    "Timeout",
    "TlsError",
    "TlsInfo",
    "TlsReports",
    "TlsRequired",
    "TokenRefused",
    "TransientReply",
    "check",
    "discover",
    "explain",
    "forget_refusals",
    "forward",
    "merge",
    "read_receipt",
    "read_report",
    "redirect",
    "send",
    "transport",
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
