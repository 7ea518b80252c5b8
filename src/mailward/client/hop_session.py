"""A session with a server of a route, which proves what is asked of it before any mail (RFC 7672, RFC 8461)."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict
from typing import TYPE_CHECKING

from mailward.client.certificate import told
from mailward.client.conversation import Conversation
from mailward.client.plan import Need
from mailward.client.secure import certificate_of, secure, tls_info
from mailward.client.session import Session
from mailward.client.tls_mode import Endpoint, TlsMode
from mailward.client.tls_report import failure_of
from mailward.errors import ServiceUnavailable, StartTlsInjection, TlsError, TlsRequired
from mailward.printable import printable
from mailward.records.dane import verify
from mailward.records.tlsa import Usage
from mailward.wire.command import Ehlo

if TYPE_CHECKING:
    from mailward.client.direct_options import DirectOptions
    from mailward.client.plan import Hop
    from mailward.client.receipt import TlsInfo
    from mailward.client.tls_report import TlsCounter
    from mailward.net.ports import Ports, Stream
    from mailward.net.tls_stream import TlsStream
    from mailward.wire.reply import Reply

_ADVICE = "somebody on the path may be stripping STARTTLS; nothing was sent, and the domain's next server is tried"
_PKIX = frozenset({Need.MTA_STS, Need.VERIFIED, Need.TESTING})
_USAGES = {Usage.DANE_EE: "DANE-EE", Usage.DANE_TA: "DANE-TA"}


class HopSession:
    """The way to a session with `hop`. `until`: when the call must be over."""

    def __init__(self, hop: Hop, options: DirectOptions, ports: Ports, counter: TlsCounter, *, until: float) -> None:
        self._hop = hop
        self._options = options
        self._ports = ports
        self._counter = counter
        self._until = until
        self._counted = False  # what is tried after a test that failed is the same session to the report
        self._endpoint = Endpoint(hop.host, options.port, TlsMode.STARTTLS)

    async def open(self) -> Session:
        """Raises ConnectError, TlsError, ConnectionLost, DeadlineExceeded, ProtocolError."""
        need = self._hop.need
        if need is Need.TESTING:
            try:
                return await self._open(need)
            except StartTlsInjection:
                raise
            except TlsError:
                need = self._hop.otherwise or Need.ENCRYPTED  # it is only being tested
                self._counted = True
        try:
            return await self._open(need)
        except StartTlsInjection:
            raise
        except TlsError:
            if need is not Need.OPPORTUNISTIC:
                raise
        return await self._open(None)

    async def _open(self, need: Need | None) -> Session:
        """`need` None: in clear text, without asking for TLS."""
        stream = await self._connect()
        conversation = Conversation(stream, self._ports, self._options.timeout, until=self._until)
        self._watch(conversation)
        try:
            tls = await self._secured(conversation, need)
        except (TlsRequired, ServiceUnavailable) as error:
            if isinstance(error, TlsRequired):
                await self._count(conversation.stream, error)
            await conversation.quit()
            raise
        except TlsError as error:
            await self._count(conversation.stream, error)
            _abort(conversation)
            raise
        except BaseException:
            _abort(conversation)
            raise
        if tls is not None:
            await self._count(conversation.stream)
        return Session(conversation, tls=tls, auth=None, host=self._hop.host)

    def _watch(self, conversation: Conversation) -> None:
        if self._options.observer is not None:
            observer = self._options.observer.session(self._ports.nonce()[:8], self._hop.host)
            address = conversation.stream.peername
            observer.happened("connected", host=self._hop.host, port=self._options.port, address=address)
            conversation.observer = observer

    async def _connect(self) -> Stream:
        addresses = self._hop.addresses
        return await self._ports.connect(
            self._hop.host,
            self._options.port,
            within=self._within(self._options.timeout.connect),
            local_address=self._options.local_address,
            resolve=lambda _host, _port: addresses,
        )

    async def _secured(self, conversation: Conversation, need: Need | None) -> TlsInfo | None:
        _check("the greeting", await conversation.greeting())
        await self._ehlo(conversation)
        if need is None or not await self._may_begin(conversation, need):
            return None
        context = self._options.trust.context if need in _PKIX else self._options.any_certificate
        secured = await secure(
            conversation.stream,
            self._endpoint,
            context,
            ports=self._ports,
            within=self._within(self._options.timeout.greeting),
            name=self._hop.names[0],
        )
        conversation.stream = secured
        verified_by = self._verified_by(secured, need)
        tls = tls_info(secured, verified_by=verified_by)
        if conversation.observer is not None:
            conversation.observer.happened("secured", **asdict(tls), **told(certificate_of(secured)))
        await self._ehlo(conversation)
        return tls

    async def _may_begin(self, conversation: Conversation, need: Need) -> bool:
        """Whether TLS comes next; False only where clear text was asked for."""
        why = "the server does not offer STARTTLS"
        if conversation.keywords.starttls:
            reply = await conversation.starttls()
            if reply.positive:
                return True
            why = f"the server refused STARTTLS: {reply}"
        required = TlsRequired(f"{why}, and {self._hop.host} gets no mail without", phase="starttls", advice=_ADVICE)
        if need is not Need.OPPORTUNISTIC:
            raise required
        await self._count(conversation.stream, required)
        return False

    def _verified_by(self, secured: TlsStream, need: Need) -> str:
        """Raises CertificateError before anything is said inside."""
        if need is Need.DANE:
            usage = verify(secured.layer.peer_chain(), self._hop.tlsa, names=self._hop.names, now=self._ports.utc())
            return _USAGES[usage]
        if need is Need.VERIFIED:
            return self._options.trust.verified_by
        if need in _PKIX:
            return Need.MTA_STS.value
        return Need.ENCRYPTED.value

    async def _ehlo(self, conversation: Conversation) -> None:
        name = self._options.ehlo_name or _literal(conversation.stream.sockname)
        _check("EHLO", await conversation.ask(Ehlo(name)))

    async def _count(self, stream: Stream, error: TlsError | None = None) -> None:
        if self._counted:
            return
        addresses = (stream.peername, stream.sockname)
        if error is None:
            await self._counter.count(self._hop.policy)
        else:
            await self._counter.count(
                self._hop.policy,
                failure_of(error),
                host=self._hop.host,
                addresses=addresses,
                reason=printable(error.message, 100),
            )

    def _within(self, seconds: float) -> float:
        return max(0.0, min(seconds, self._until - self._ports.now()))


def _abort(conversation: Conversation) -> None:
    conversation.stream.abort()
    conversation.closed()


def _check(step: str, reply: Reply) -> None:
    if not reply.positive:
        raise ServiceUnavailable(
            f"the server turned us away at {step}: {reply}",
            phase=step.rpartition(" ")[2].lower(),
            code=reply.code,
            enhanced_code=reply.enhanced,
            retryable=reply.transient,
        )


def _literal(address: str) -> str:
    """The address literal that names this machine without asking DNS (RFC 5321 §4.1.3)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return f"[{ip}]" if ip.version == 4 else f"[IPv6:{ip}]"
