"""One connection: bytes in, TLS off, events to the session, replies out. The only place that catches everything.

It never waits itself: a verdict that must wait (argon2, the group commit) comes back Later, and until then
the rest of a pipelined group stays in the protocol's buffer.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from mailward.errors import MailwardError, ProtocolError, TlsError
from mailward.server.introduction import PATIENCE, Introduction
from mailward.server.pace import Pace
from mailward.server.session import Session
from mailward.wire import reply as replies
from mailward.wire.command import XClient
from mailward.wire.content import Content
from mailward.wire.reply import Reply
from mailward.wire.server import ServerProtocol, Violation
from mailward.wire.state import State
from mailward.wire.tls import TlsLayer

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailward.server.listener import Listener

_BUFFERED: Final = 256 * 1024  # octets read ahead of the session before the socket is left alone
_UNSENT: Final = 64 * 1024
_TOGETHER: Final = 64  # replies that leave in one write at the most; then the client must read some
_HANDSHAKE: Final = 10.0  # seconds for TLS to be up
_LOOK: Final = 10.0  # seconds until we look at the clock again at the latest
_LINGER: Final = 1.0  # seconds a refused client may go on sending, so that it reads the refusal and not a reset
_UNHEARD: Final = 1024 * 1024  # octets it may send meanwhile
_log = logging.getLogger("mailward.server")


class Connection(asyncio.BufferedProtocol):
    """Owns the transport. `listener` knows the door it came through and what all sessions share."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._services = listener.services
        self._loop = listener.loop
        self._transport: asyncio.Transport | None = None
        self._tls: TlsLayer | None = None
        self._protocol = ServerProtocol(listener.services.wire_limits)
        self._session: Session | None = None
        self._introduction: Introduction | None = None
        self._waiting = False
        self._writable = True
        self._reading = True
        self._closing = False
        self._heard_all = False
        self._unheard = 0
        self._timer: asyncio.TimerHandle | None = None
        self._pace = Pace(listener.loop.time, listener.services.limits)

    # transport callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_server gives nothing else
        self._transport = transport
        transport.set_write_buffer_limits(high=_UNSENT)
        self._guarded(self._open)

    def get_buffer(self, _sizehint: int) -> bytearray:
        """One buffer serves all connections: what is read into it is taken out before anything else happens."""
        return self._listener.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if not self._closing:
            self._guarded(self._receive, bytes(self._listener.view[:nbytes]))
            return
        self._unheard += nbytes
        if self._unheard > _UNHEARD and self._transport is not None:
            self._transport.abort()

    def eof_received(self) -> bool:
        """The client has said its last; it may still wait for the reply to what it sent."""
        self._heard_all = True
        return self._waiting

    def pause_writing(self) -> None:
        self._writable = False
        self._throttle()

    def resume_writing(self) -> None:
        self._writable = True
        self._guarded(self._pump)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._closing = True
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        if self._session is not None:
            self._session.lost()
        self._listener.left(self)

    # the listener's calls

    @property
    def session(self) -> Session:
        assert self._session is not None  # noqa: S101
        return self._session

    @property
    def source(self) -> str:
        return "" if self._session is None else str(self._session.source)

    @property
    def idle(self) -> bool:
        """Nothing acknowledged is in the making: it can be sent away."""
        return not self._waiting

    def send_away(self, reply: Reply = replies.SHUTTING_DOWN) -> None:
        """End the session now, with `reply` if the client can still read it."""
        self._guarded(self._send_away, reply)

    # the work

    def _send_away(self, reply: Reply) -> None:
        if self._closing or self._transport is None:
            return
        if not self._waiting and (self._tls is None or self._tls.established):
            self._protocol.send_reply(reply)
            self._flush()
        self._close()

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        """The connection's door: whatever goes wrong ends this connection and no other, with no word of it outside."""
        try:
            work(*arguments)
        except (TlsError, ProtocolError) as problem:
            _log.info("%s: %s", self.source, problem)
            self._flush_tls()
            self._close()
        except Exception:
            _log.exception("%s: session ended by a fault of ours", self.source)
            self._fail()

    def _fail(self) -> None:
        try:
            self._protocol.send_reply(replies.LOCAL_FAULT)
            self._flush()
        except MailwardError:
            pass
        self._close()

    def _open(self) -> None:
        assert self._transport is not None  # noqa: S101
        peer = self._transport.get_extra_info("peername")
        self._session = Session(self._services, self._listener.door, peer[0] if peer else "")
        if self._session.source in self._listener.door.proxy:
            self._introduction = Introduction()
            self._listener.expect(self)
            self._arm(PATIENCE)
        else:
            self._begin()

    def _introduced(self, introduction: Introduction, data: bytes) -> bytes:
        """Hear for whom the proxy speaks. What the client has said already."""
        heard = introduction.hear(data)
        if heard is None:
            return b""
        header, rest = heard
        self._introduction = None
        if header.client is not None:
            self._session = Session(self._services, self._listener.door, header.client.address)
        self._begin()
        return rest

    def _begin(self) -> None:
        refusal = self._listener.admit(self)
        self._arm(self._services.limits.idle_before_login)
        if self._listener.door.implicit and refusal is None:
            self._start_tls()
            self._arm(_HANDSHAKE)
            return
        self._greet(refusal)

    def _greet(self, refusal: Reply | None) -> None:
        self._protocol.greet(refusal or self._listener.door.greeting)
        self._flush()
        if refusal is not None:
            self._close()

    def _start_tls(self) -> None:
        self._tls = TlsLayer(self._services.tls_context, server_side=True)

    def _receive(self, data: bytes) -> None:
        if self._introduction is not None:
            data = self._introduced(self._introduction, data)
            if self._closing or not data:
                return
        if self._tls is not None:
            was_established = self._tls.established
            data = self._tls.receive_data(data)
            self._flush_tls()
            if self._tls.established and not was_established:
                self._secured(self._tls)
            self._heard_all = self._tls.closed
        if data:
            self._protocol.receive_data(data)
            self._pump()
        else:
            self._throttle()
            self._close_if_done()

    def _secured(self, tls: TlsLayer) -> None:
        assert self._session is not None  # noqa: S101
        self._session.secured(tls.version, tls.cipher, tls.peer_certificate())
        if self._protocol.state is State.GREETING:
            self._greet(None)
        else:
            self._protocol.tls_started()
        self._arm(self._services.limits.idle_before_login)

    def _pump(self) -> None:
        """Answer everything that can be answered now; the replies leave in one write."""
        protocol, session = self._protocol, self._session
        assert session is not None  # noqa: S101
        while not self._waiting and self._writable and not self._closing:
            event = protocol.next_event()
            if event is None:
                break
            self._pace.moved()
            if isinstance(event, Content):
                self._pace.content(len(event.data))
                session.content(event.data)
                continue
            verdict = session.handle(event)
            if isinstance(event, XClient) and verdict is self._listener.door.greeting:
                verdict = self._listener.admit(self) or verdict
            if isinstance(verdict, Reply):
                self._answer(verdict, fatal=isinstance(event, Violation) and event.fatal)
                if protocol.unsent >= _TOGETHER:
                    self._flush()
            else:
                self._waiting = True
                verdict.then(self._resumed)
        self._flush()
        self._throttle()
        self._close_if_done()

    def _close_if_done(self) -> None:
        """A client that has said its last and has had its answers is let go."""
        if self._heard_all and not self._waiting and self._writable:
            self._close()

    def _resumed(self, reply: Reply) -> None:
        self._waiting = False
        if self._transport is not None:
            self._guarded(self._resume, reply)

    def _resume(self, reply: Reply) -> None:
        self._answer(reply, fatal=False)
        self._pump()

    def _answer(self, reply: Reply, *, fatal: bool) -> None:
        assert self._session is not None  # noqa: S101
        self._protocol.send_reply(reply)
        state = self._protocol.state
        self._pace.answered(content_follows=state is State.DATA)
        if state is State.HANDSHAKE:
            self._flush()
            self._start_tls()
            self._arm(_HANDSHAKE)
        elif state is State.CLOSED or fatal or self._session.ended:
            self._flush()
            self._close(linger=fatal or (state is State.CLOSED and reply.permanent))

    def _flush(self) -> None:
        data = self._protocol.data_to_send()
        if not data or self._transport is None:
            return
        if self._tls is None:
            self._transport.write(data)
        else:
            self._tls.write(data)
            self._flush_tls()

    def _flush_tls(self) -> None:
        if self._tls is not None and self._transport is not None and (data := self._tls.data_to_send()):
            self._transport.write(data)

    def _throttle(self) -> None:
        """Stop reading while the client is ahead of us by more than a little."""
        if self._transport is None or self._closing:
            return
        want = self._writable and self._protocol.buffered <= _BUFFERED
        if want != self._reading:
            self._reading = want
            (self._transport.resume_reading if want else self._transport.pause_reading)()

    def _close(self, *, linger: bool = False) -> None:
        if self._closing:
            return
        self._closing = True
        if self._transport is None:
            return
        if self._tls is not None and self._tls.established:
            self._tls.close()
            self._flush_tls()
        if linger and self._transport.can_write_eof():
            self._transport.write_eof()
            if not self._reading:
                self._transport.resume_reading()
            self._arm(_LINGER)
        else:
            self._transport.close()
            self._arm(_LINGER)

    # deadlines: one timer, moved only when it rings

    def _arm(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._pace.moved()
        self._timer = self._loop.call_later(min(seconds, _LOOK), self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._transport is None:
            return
        if self._closing:
            self._transport.abort()
            return
        if self._introduction is not None or (self._tls is not None and not self._tls.established):
            self._close()
            return
        # While we work it is not the client's fault.
        left = self._services.limits.idle_before_login if self._waiting else self._pace.left(self.session)
        if left <= 0:
            self.send_away(replies.TIMEOUT)
        else:
            self._timer = self._loop.call_later(min(left, _LOOK), self._ring)
