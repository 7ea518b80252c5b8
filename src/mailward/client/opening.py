"""From nothing to a session: connect, greeting, EHLO, TLS, EHLO again, login (RFC 5321 §3.1, RFC 3207, RFC 4954)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from mailward.client import certificate
from mailward.client.authenticate import authenticate
from mailward.client.conversation import Conversation
from mailward.client.secure import certificate_of, secure, tls_info
from mailward.client.session import Session
from mailward.client.tls_mode import TlsMode
from mailward.errors import (
    AuthError,
    CertificateError,
    ConnectError,
    DeadlineExceeded,
    DnsError,
    InputError,
    MailwardError,
    SaslError,
    ServiceUnavailable,
    TlsRequired,
)
from mailward.wire.command import Ehlo

if TYPE_CHECKING:
    import ssl

    from mailward.client.options import ClientOptions
    from mailward.client.tls_mode import Endpoint
    from mailward.net.ports import Ports, Stream
    from mailward.net.tls_stream import TlsStream
    from mailward.wire.reply import Reply

_NAMES_TIME = 3.0  # seconds for a second look at a certificate of another name
_STRIPPED = "someone on the path may be stripping STARTTLS; try port 465 with smtps://, and never without TLS"


async def open_session(options: ClientOptions, ports: Ports, *, until: float | None) -> Session:
    """Tries each endpoint until one takes the TCP connection; what goes wrong after that is the answer."""
    failures: list[MailwardError] = []
    for position, endpoint in enumerate(options.endpoints):
        opening = Opening(endpoint, options, ports, until=until)
        try:
            stream = await opening.connect(share=len(options.endpoints) - position)
        except DnsError:
            raise
        except (ConnectError, DeadlineExceeded) as error:
            failures.append(error)
        else:
            return await opening.session(stream)
    raise _nobody(failures)


class Opening:
    """The way to a session at one endpoint."""

    def __init__(self, endpoint: Endpoint, options: ClientOptions, ports: Ports, *, until: float | None) -> None:
        self._endpoint = endpoint
        self._options = options
        self._ports = ports
        self._until = until

    async def connect(self, *, share: int = 1) -> Stream:
        """`share`: how many endpoints the time to connect must do for."""
        if self._endpoint.mode is not TlsMode.INSECURE_PLAINTEXT:
            _ = self._options.trust.context  # what is wrong with our authorities is told before anything is opened
        return await self._ports.connect(
            self._endpoint.host,
            self._endpoint.port,
            within=self._within(self._options.timeout.connect) / share,
            local_address=self._options.local_address,
        )

    async def session(self, stream: Stream) -> Session:
        conversation = self._conversation(stream)
        try:
            return await self._session(conversation)
        except CertificateError as error:
            conversation.stream.abort()
            raise await self._explained(error) from error
        except (TlsRequired, AuthError, SaslError, ServiceUnavailable, InputError):
            await conversation.quit()
            raise
        except BaseException:
            conversation.stream.abort()
            raise

    async def _session(self, conversation: Conversation) -> Session:
        secured = None
        if self._endpoint.mode is not TlsMode.INSECURE_PLAINTEXT:
            secured = await self._secure(conversation, self._options.trust.context)
        if self._endpoint.mode is not TlsMode.STARTTLS:
            _check_greeting(await conversation.greeting())
        await self._ehlo(conversation)
        auth = None
        if self._options.credentials is not None:
            shown = certificate_of(secured) if secured else None
            auth = await authenticate(conversation, self._options.credentials, certificate=shown, ports=self._ports)
        tls = tls_info(secured, verified_by=self._options.trust.verified_by) if secured else None
        return Session(conversation, tls=tls, auth=auth)

    async def _secure(self, conversation: Conversation, context: ssl.SSLContext) -> TlsStream:
        if self._endpoint.mode is TlsMode.STARTTLS:
            _check_greeting(await conversation.greeting())
            await self._ehlo(conversation)
            await _starttls(conversation)
        within = self._within(self._options.timeout.greeting)
        secured = await secure(conversation.stream, self._endpoint, context, ports=self._ports, within=within)
        conversation.stream = secured
        return secured

    async def _ehlo(self, conversation: Conversation) -> None:
        reply = await conversation.ask(Ehlo(self._options.ehlo_name or _literal(conversation.stream.sockname)))
        if not reply.positive:
            raise _turned_away("EHLO", reply)

    async def _explained(self, error: CertificateError) -> CertificateError:
        names = await self._names() if certificate.is_wrong_name(error) else ()
        return certificate.refusal(error, self._endpoint.host, names)

    async def _names(self) -> tuple[str, ...]:
        """The names on a trusted certificate of another host.

        OpenSSL shows a certificate only after a handshake that succeeds, so one is made that does not look at the
        name. Nothing is said inside it.
        """
        self._until = self._ports.now() + self._within(_NAMES_TIME)
        try:
            conversation = self._conversation(await self.connect())
        except MailwardError:
            return ()
        try:
            secured = await self._secure(conversation, self._options.trust.for_any_name())
            return certificate.names_in(certificate_of(secured))
        except MailwardError:
            return ()
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


def _nobody(failures: list[MailwardError]) -> MailwardError:
    first = failures[0]
    if len(failures) == 1:
        return first
    told = "; ".join(failure.message for failure in failures)
    return type(failures[-1])(told, phase="connect", advice=first.advice)


def _literal(address: str) -> str:
    """The address literal that names this machine without asking DNS (RFC 5321 §4.1.3)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return f"[{ip}]" if ip.version == 4 else f"[IPv6:{ip}]"
