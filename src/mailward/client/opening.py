"""From nothing to a session: connect, greeting, EHLO, TLS, EHLO again, login (RFC 5321 §3.1, RFC 3207, RFC 4954)."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from mailward.client import certificate
from mailward.client.connecting import connect
from mailward.client.conversation import Conversation
from mailward.client.introduction import introduce
from mailward.client.log_in import log_in
from mailward.client.secure import certificate_of, tls_info, trusted
from mailward.client.session import Session
from mailward.client.tls_mode import TlsMode
from mailward.client.watch import Watch
from mailward.errors import (
    AuthError,
    CertificateError,
    DowngradeError,
    InputError,
    MailwardError,
    SaslError,
    ServiceUnavailable,
    StoreError,
    TlsRequired,
)
from mailward.wire.command import Ehlo, Lhlo

if TYPE_CHECKING:
    from mailward.client.observer import SessionObserver
    from mailward.client.options import ClientOptions
    from mailward.client.receipt import AuthInfo
    from mailward.client.tls_mode import Endpoint
    from mailward.net.ports import Ports, Stream
    from mailward.net.tls_stream import TlsStream
    from mailward.wire.reply import Reply

_LOOK_TIME = 3.0  # seconds for a second look at a certificate that was refused
_STRIPPED = "someone on the path may be stripping STARTTLS; try port 465 with smtps://, and never without TLS"


async def open_session(options: ClientOptions, ports: Ports, *, until: float | None) -> Session:
    """At whichever endpoint takes the connection; what goes wrong after that is the answer."""
    if options.authority is not None:
        await options.authority.ready(ports, until=until, hosts=[each.host for each in options.endpoints])
    endpoint, stream = await connect(options, ports, until=until)
    return await Opening(endpoint, options, ports, until=until).session(stream)


class Opening:
    """The way to a session at one endpoint."""

    def __init__(self, endpoint: Endpoint, options: ClientOptions, ports: Ports, *, until: float | None) -> None:
        self._endpoint = endpoint
        self._options = options
        self._ports = ports
        self._until = until
        self._observer: SessionObserver | None = None

    async def session(self, stream: Stream) -> Session:
        if self._options.observer is not None:
            self._observer = self._options.observer.session(self._ports.nonce()[:8], self._endpoint.host)
            self._observer.happened(
                "connected", host=self._endpoint.host, port=self._endpoint.port, address=stream.peername
            )
        conversation = self._conversation(stream)
        conversation.observer = self._observer
        try:
            return await self._session(conversation)
        except CertificateError as error:
            conversation.stream.abort()
            conversation.closed()
            raise await self._explained(error) from error
        except (TlsRequired, DowngradeError, AuthError, SaslError, ServiceUnavailable, InputError, StoreError):
            await conversation.quit()
            raise
        except BaseException:
            conversation.stream.abort()
            conversation.closed()
            raise

    async def _session(self, conversation: Conversation) -> Session:
        secured = None
        if self._endpoint.mode.encrypts:
            secured = await self._secure(conversation)
        tls = tls_info(secured, verified_by=self._options.trust.verified_by) if secured else None
        if tls is not None and secured is not None and self._observer is not None:
            self._observer.happened("secured", **asdict(tls), **certificate.told(certificate_of(secured)))
        if self._endpoint.mode is not TlsMode.STARTTLS:
            _check_greeting(await conversation.greeting())
        watch = self._watch()
        await watch.check_tls(tls, newest=self._options.trust.newest if secured else "")
        await self._ehlo(conversation)
        if self._options.xclient is not None:
            await introduce(conversation, self._options.xclient)
            await self._ehlo(conversation)
        if self._observer is not None:
            self._observer.happened("offered", keywords=dict(conversation.keywords))
        watch.check_offers(requiretls=conversation.keywords.requiretls)
        auth = await self._log_in(conversation, certificate_of(secured) if secured else None, watch)
        await watch.record(
            tls, requiretls=conversation.keywords.requiretls, mechanism=auth.mechanism if auth is not None else None
        )
        lmtp = self._endpoint.protocol == "lmtp"
        return Session(conversation, tls=tls, auth=auth, host=self._endpoint.host, lmtp=lmtp)

    async def _log_in(self, conversation: Conversation, shown: bytes | None, watch: Watch) -> AuthInfo | None:
        authority, observer = self._options.authority, self._observer
        if authority is None:
            return None
        try:
            auth = await log_in(
                conversation,
                authority,
                host=self._endpoint.host,
                port=self._endpoint.port,
                until=self._until,
                certificate=shown,
                ports=self._ports,
                check=watch.check_mechanism,
            )
        except MailwardError as error:
            if observer is not None:
                observer.happened("login-failed", user=authority.user, error=error.message, code=error.code)
            raise
        if observer is not None:
            observer.happened("logged-in", user=authority.user, **asdict(auth))
        return auth

    def _watch(self) -> Watch:
        authority = self._options.authority
        account = authority.user if authority is not None else ""
        tell = None if self._observer is None else self._observer.happened
        return Watch(self._options.memory, self._endpoint, self._ports, account=account, tell=tell)

    async def _secure(self, conversation: Conversation, *, only_look: bool = False) -> TlsStream:
        if self._endpoint.mode is TlsMode.STARTTLS:
            _check_greeting(await conversation.greeting())
            await self._ehlo(conversation)
            await _starttls(conversation)
        within = self._within(self._options.timeout.greeting)
        secured = await trusted(
            conversation.stream,
            self._endpoint,
            self._options.trust,
            ports=self._ports,
            within=within,
            only_look=only_look,
        )
        conversation.stream = secured
        return secured

    async def _ehlo(self, conversation: Conversation) -> None:
        hello = Lhlo if self._endpoint.protocol == "lmtp" else Ehlo
        reply = await conversation.ask(hello(self._options.ehlo_name or _literal(conversation.stream.sockname)))
        if not reply.positive:
            raise _turned_away(hello.verb, reply)

    async def _explained(self, error: CertificateError) -> CertificateError:
        seen = await self._seen() if certificate.wants_a_look(error) else b""
        host = self._endpoint.host
        return certificate.refusal(error, host, seen, wanted=self._options.trust.server_name(host))

    async def _seen(self) -> bytes:
        """The certificate that was refused, so that the error can tell its names and its pin.

        OpenSSL shows one only after a handshake that succeeds, so one is made that checks nothing. Nothing is said
        inside it.
        """
        self._until = self._ports.now() + self._within(_LOOK_TIME)
        try:
            only_here = replace(self._options, endpoints=(self._endpoint,))
            _, stream = await connect(only_here, self._ports, until=self._until)
            conversation = self._conversation(stream)
        except MailwardError:
            return b""
        try:
            return certificate_of(await self._secure(conversation, only_look=True))
        except MailwardError:
            return b""
        finally:
            conversation.stream.abort()

    def _conversation(self, stream: Stream) -> Conversation:
        return Conversation(stream, self._ports, self._options.timeout, until=self._until)

    def _within(self, seconds: float) -> float:
        return seconds if self._until is None else max(0.0, min(seconds, self._until - self._ports.now()))


async def _starttls(conversation: Conversation) -> None:
    """Goes on only inside TLS; whoever cut STARTTLS out, or refused it, learns nothing more."""
    if not conversation.keywords.starttls:
        raise TlsRequired("the server does not offer STARTTLS", phase="starttls", advice=_STRIPPED)
    reply = await conversation.starttls()
    if not reply.positive:
        raise TlsRequired(
            f"the server refused STARTTLS: {reply}",
            phase="starttls",
            code=reply.code,
            enhanced_code=reply.enhanced,
            advice=_STRIPPED,
        )


def _check_greeting(reply: Reply) -> None:
    if not reply.positive:
        raise _turned_away("the greeting", reply)


def _turned_away(step: str, reply: Reply) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"the server turned us away at {step}: {reply}",
        phase=step.rpartition(" ")[2].lower(),
        code=reply.code,
        enhanced_code=reply.enhanced,
        retryable=reply.transient,
    )


def _literal(address: str) -> str:
    """The address literal that names this machine without asking DNS (RFC 5321 §4.1.3)."""
    if not address:
        return "localhost"  # on a Unix socket
    ip = ipaddress.ip_address(address.partition("%")[0])
    return f"[{ip}]" if ip.version == 4 else f"[IPv6:{ip}]"
