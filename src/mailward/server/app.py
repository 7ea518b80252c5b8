"""The composition root: a configuration becomes a running server; all it needs is made here and only here."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import socket
import ssl
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from mailward.client.schedule import Schedule
from mailward.errors import StoreError
from mailward.guard.allowlist import Networks
from mailward.integrations.doors import Doors, DoorSettings, open_doors
from mailward.sasl.channel_binding import bindings_of
from mailward.server import certificates, local_ca, state_directory
from mailward.server.config import Config
from mailward.server.door import Door
from mailward.server.durable import Store
from mailward.server.gate import Gate
from mailward.server.listener import Admission, Listener, address_of, take_address
from mailward.server.queue.intake import Intake
from mailward.server.queue.manager import Manager
from mailward.server.relay import Relay
from mailward.server.rotation import Rotation
from mailward.server.services import Services
from mailward.store import events
from mailward.store.writer import Writer
from mailward.wire.server import ServerLimits
from mailward.wire.transparency import TEXT_LINE_LIMIT

if TYPE_CHECKING:
    from mailward.sasl.mechanism import ChannelBinding

_PATIENCE: Final = 10.0  # seconds a stopping server waits for what is under way
_HOUSEKEEPING: Final = 10.0  # seconds
_PRUNED: Final = 5_000  # events in one transaction
_log = logging.getLogger("mailward.server")


class Server:
    """`async with Server(config) as server:` opens every listener; leaving finishes what was acknowledged.

    Raises InvalidConfig, StoreError or TlsError before anything is open.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.state = config.state_path
        self.listeners: list[Listener] = []
        self.doors: Doors | None = None
        self.ca_file: Path | None = None
        self._closers: list[Callable[[], None]] = []
        self._background: list[asyncio.Task[None]] = []
        self._manager: Manager | None = None
        self._relay: Relay | None = None
        self._store: Store | None = None
        self._gate: Gate | None = None
        self._services: Services | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._open(asyncio.get_running_loop())
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._close()

    async def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        config = self.config
        taken = self._take_addresses()
        state_directory.prepare(self.state)
        self._closers.append(state_directory.Lock(self.state).release)
        context, certificate = self._certificate()
        store = self._store = Store(config, loop)
        self._closers.append(store.close)
        names = list(map(address_of, taken))
        gate = self._gate = Gate(config, names, store, loop)
        self._start_delivery(store, loop)
        services = self._services = Services(
            loop=loop,
            limits=config.limits,
            wire_limits=ServerLimits(
                content=config.limits.message_size,
                text_line=TEXT_LINE_LIMIT if config.limits.text_lines == "strict" else None,
            ),
            tls_context=context,
            relay_without_login=Networks.parse(config.allowlist.relay_without_login),
            logins=gate.logins,
            failures_per_connection=config.guard.failures_per_connection,
            intake=Intake(
                store.writer,
                store.spool,
                loop,
                hostname=config.hostname,
                hold=config.delivery.sandbox,
                accepted=self._wake,
                tell=store.log.tell,
                now=time.time,
            ),
        )
        await gate.refresh()
        await self._listen(services, taken, bindings_of(certificate))
        self.doors = await open_doors(DoorSettings(**msgspec.structs.asdict(config.doors)), gate.doors())
        self._in_background(self._keep_house(gate, store), loop)
        rotation = Rotation(
            lambda: gate.accounts_of(store.database.reader()),
            services.intake,
            hostname=config.hostname,
            record=store.log.record,
            now=time.time,
        )
        self._in_background(rotation.run(), loop)

    def _certificate(self) -> tuple[ssl.SSLContext, bytes]:
        """The TLS context of all listeners and the certificate it shows, DER."""
        if self.config.tls is not None:
            certificate, key = Path(self.config.tls.certificate), Path(self.config.tls.key)
        else:
            local = local_ca.ensure(self.state, self.config.hostname, datetime.now(UTC))
            certificate, key, self.ca_file = local.certificate_file, local.key_file, local.ca_file
        clients = self.config.client_certificates
        context = local_ca.server_context(certificate, key, client_ca=None if clients is None else clients.ca)
        shown = certificates.read_certificate(state_directory.read_bounded(certificate))
        return context, shown.public_bytes(Encoding.DER)

    def _take_addresses(self) -> list[socket.socket]:
        """Before anything is made: when one is not to be had, nothing has changed."""
        taken: list[socket.socket] = []
        for number, each in enumerate(self.config.listener):
            taken.append(take_address(each, key=f"listener[{number}].address"))
            self._closers.append(taken[-1].close)
        return taken

    async def _listen(
        self, services: Services, taken: list[socket.socket], bindings: tuple[ChannelBinding, ...]
    ) -> None:
        config = self.config
        admission = Admission(most=config.limits.connections, most_of_ring=config.limits.connections_per_network)
        for each, socket_ in zip(config.listener, taken, strict=True):
            door = Door(
                name=each.address,
                tls=each.tls,
                hostname=config.hostname,
                size=config.limits.message_size,
                recipients=config.limits.recipients,
                mechanisms=services.logins.mechanisms(bindings=bindings, wanted=each.mechanisms),
                external=not each.mechanisms or "EXTERNAL" in each.mechanisms,
                bindings=bindings,
                proxy=Networks.parse(each.proxy),
                xclient=Networks.parse(each.xclient),
            )
            self.listeners.append(Listener(services, door, socket_, admission))
        for listener in self.listeners:
            await listener.start()

    def _start_delivery(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        config = self.config
        if config.delivery.sandbox:
            return
        self._relay = Relay.to(config.delivery, hostname=config.hostname, sessions=config.queue.concurrency)
        self._manager = Manager(
            store.reader,
            store.writer,
            store.spool,
            self._relay.deliver,
            schedule=Schedule(
                first=config.queue.first_retry,
                longest=config.queue.longest_retry,
                give_up=config.queue.give_up_after,
            ),
            concurrency=config.queue.concurrency,
            tell=store.log.tell,
            now=time.time,
            chance=random.random,
        )
        self._in_background(self._manager.run(), loop)

    def _wake(self) -> None:
        if self._manager is not None:
            self._manager.wake()

    def _in_background(self, work: Coroutine[object, object, None], loop: asyncio.AbstractEventLoop) -> None:
        task = loop.create_task(work)
        task.add_done_callback(_watch)
        self._background.append(task)

    async def _keep_house(self, gate: Gate, store: Store) -> None:
        while True:
            await gate.refresh()
            self._prune(store.writer)
            await asyncio.sleep(_HOUSEKEEPING)

    def _prune(self, writer: Writer) -> None:
        """Forget old events, a transaction of bounded size after the other."""
        before = (datetime.now(UTC) - timedelta(days=self.config.events.keep_days)).timestamp()

        def pruned(count: int | None, problem: StoreError | None) -> None:
            if problem is not None:
                _log.error("old events are not forgotten: %s", problem)
            elif count == _PRUNED:
                self._prune(writer)

        writer.submit(partial(events.prune, before=before, limit=_PRUNED), pruned)

    async def _close(self) -> None:
        if self.doors is not None:
            await self.doors.close()
        for listener in self.listeners:
            await listener.close()
        await self._send_away()
        if self._manager is not None:
            await self._manager.stop(_PATIENCE)
        if self._relay is not None:
            await self._relay.close()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._services is not None:
            await self._services.finish(_PATIENCE)
        if self._gate is not None:
            await self._gate.close()
        if self._store is not None:
            await self._store.finish()
        while self._closers:
            self._closers.pop()()

    async def _send_away(self) -> None:
        """Sessions with nothing under way end now; the others when what they wait for is answered."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _PATIENCE
        while connections := [each for listener in self.listeners for each in listener.connections]:
            late = loop.time() >= end
            for connection in connections:
                if connection.idle or late:
                    connection.send_away()
            if late:
                return
            await asyncio.sleep(0.02)


async def serve(config: Config, *, ready: Callable[[Server], None]) -> None:
    """Serve until SIGTERM or SIGINT. `ready` is called when every listener is open; systemd is told as well."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Server(config) as server:
        ready(server)
        _notify("READY=1")
        await stop.wait()
        _notify("STOPPING=1")


def _notify(state: str) -> None:
    """sd_notify(3), without a library."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        try:
            notify.sendto(state.encode(), "\0" + path[1:] if path.startswith("@") else path)
        except OSError as problem:
            _log.warning("systemd was not notified: %s", problem)


def _watch(task: asyncio.Task[None]) -> None:
    """A background task ends with the server; one that ends before is a fault that must not pass in silence."""
    if not task.cancelled() and (problem := task.exception()) is not None:
        _log.critical("a part of the server has ended; restart it", exc_info=problem)
