"""One session against the security memory: what it may not be less than, and what it adds when it has succeeded.

In the order of a session: `check_tls` after the handshake, `check_offers` after EHLO, `check_mechanism` before the
login, `record` when the session is ready. Each check raises DowngradeError, with what was and what is, and tells the
event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailward.client.tls_mode import TlsMode
from mailward.errors import DowngradeError, StoreBusy, StoreError
from mailward.sasl.register import client_mechanisms

if TYPE_CHECKING:
    from mailward.client.memory import Memory, Tell
    from mailward.client.receipt import TlsInfo
    from mailward.client.tls_mode import Endpoint
    from mailward.net.ports import Ports
    from mailward.sasl.mechanism import Mechanism
    from mailward.store.client_memory import Channel, Login

_REFRESH = 86_400.0  # seconds: what is known already is written again at most once a day
_SUBMISSION = (465, 587)
_CLEAR = "clear text"
_MODES = {True: "TLS from the first octet", False: "STARTTLS"}


@dataclass(slots=True)
class Difference:
    """By the name of what differs, in words."""

    was: dict[str, str] = field(default_factory=dict)
    now: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, was: str, now: str) -> None:
        self.was[name], self.now[name] = was, now

    def __bool__(self) -> bool:
        return bool(self.was)

    def __str__(self) -> str:
        return "; ".join(f"{name}: {was} → {self.now[name]}" for name, was in self.was.items())


class Watch:
    """Of one session at `endpoint`, whose login is `account`'s. `memory` None: nothing is checked or kept.

    tell: `Observer.happened`, for "downgrade", "key-changed" and "memory-unusable".
    """

    def __init__(
        self, memory: Memory | None, endpoint: Endpoint, ports: Ports, *, account: str = "", tell: Tell | None = None
    ) -> None:
        self._memory = memory if memory is not None and memory.remembers(endpoint.host) else None
        self._endpoint = endpoint
        self._host = endpoint.host.lower().removesuffix(".")
        self._role = "submission" if endpoint.port in _SUBMISSION else str(endpoint.port)
        self._ports = ports
        self._account = account
        self._tell = tell
        self._channel: Channel | None = None
        self._logins: dict[str, Login] = {}
        self._key_change: tuple[str, str] | None = None

    async def check_tls(self, tls: TlsInfo | None, *, newest: str = "TLSv1.3") -> None:
        """`newest`: the latest version that we ourselves speak, below which a server cannot be blamed."""
        memory = self._memory
        if memory is None:
            return
        now = self._ports.utc().timestamp()
        host, port, role, account = self._host, self._endpoint.port, self._role, self._account
        try:
            found = await self._ports.compute(lambda: memory.recall(host, port, role=role, account=account, now=now))
        except StoreError as error:
            memory.go_without(error, tell=self._tell)
            return
        self._channel = found[0]
        self._logins = {login.kind: login for login in found[1]}
        if self._channel is not None:
            self._compare(self._channel, tls, newest)

    def check_offers(self, *, requiretls: bool) -> None:
        """`requiretls`: whether EHLO, inside TLS, offers REQUIRETLS."""
        if self._channel is not None and self._channel.requiretls and not requiretls:
            difference = Difference()
            difference.add("REQUIRETLS", "offered", "not offered")
            raise self._refused(difference, reason="requiretls", phase="ehlo", since=self._channel.first)

    def check_mechanism(self, mechanism: Mechanism, offered: Sequence[str]) -> None:
        """Nothing was sent yet. A weaker one than the best offered is the caller's own choice, and no downgrade."""
        login = self._logins.get(mechanism.credential)
        if login is None:
            return
        known = client_mechanisms()
        before = known[login.mechanism].strength if login.mechanism in known else login.strength
        names = {name.upper() for name in offered} | {mechanism.name}
        alike = [each.strength for each in known.values() if each.name in names and _alike(each, mechanism)]
        best = max(alike, default=mechanism.strength)
        if best >= before:
            return
        difference = Difference()
        difference.add("mechanism", login.mechanism, mechanism.name)
        if login.mechanism.endswith("-PLUS") and not mechanism.needs_binding:
            difference.add("channel binding", "yes", "no")
        raise self._refused(difference, reason="mechanism", phase="auth", since=login.first, mechanism=mechanism.name)

    async def record(self, tls: TlsInfo | None, *, requiretls: bool = False, mechanism: str | None = None) -> None:
        """The session is ready: it is known from now on that the server does as much."""
        memory = self._memory
        if memory is None or tls is None:
            return
        if self._key_change is not None and self._tell is not None:
            was, now = self._key_change
            self._tell("key-changed", host=self._host, port=self._endpoint.port, was=was, now=now)
        moment = self._ports.utc().timestamp()
        channel = self._seen(tls, requiretls=requiretls, now=moment)
        login = None if mechanism is None else self._logged_in(mechanism, now=moment)
        if not (self._adds(channel) or self._adds_login(login)):
            return
        try:
            await self._ports.compute(lambda: memory.keep(channel, login))
        except StoreBusy:
            return  # the next session will keep it
        except StoreError as error:
            memory.go_without(error, tell=self._tell)

    def _compare(self, known: Channel, tls: TlsInfo | None, newest: str) -> None:
        difference = Difference()
        implicit = self._endpoint.mode is TlsMode.IMPLICIT
        if tls is None:
            difference.add("TLS", _spelled(known.tls), _CLEAR)
        elif tls.version < min(known.tls, newest):
            difference.add("TLS", _spelled(known.tls), _spelled(tls.version))
        if tls is not None and known.implicit and not implicit:
            difference.add("mode", _MODES[True], _MODES[False])
        if tls is not None and known.pin and tls.pin != known.pin:
            self._key_change = (known.pin, tls.pin)
            if difference:
                difference.add("key", known.pin, tls.pin)
        if difference:
            raise self._refused(difference, reason="tls", phase="tls", since=known.first)

    def _refused(
        self, difference: Difference, *, reason: str, phase: str, since: float, mechanism: str | None = None
    ) -> DowngradeError:
        self._tell_event(difference, reason=reason, mechanism=mechanism)
        memory = self._memory
        forget = "" if memory is None else f"; if its operator wants it so: {memory.advice(self._host)}"
        day = datetime.fromtimestamp(since, UTC).date()
        return DowngradeError(
            f"{self._endpoint} does less than it is known to since {day}: {difference}",
            was=difference.was,
            now=difference.now,
            phase=phase,
            advice=f"somebody may be on the path{forget}",
        )

    def _tell_event(self, difference: Difference, *, reason: str, mechanism: str | None) -> None:
        if self._tell is None:
            return
        import msgspec  # noqa: PLC0415 - seldom needed

        from mailward.events import DowngradeRefused  # noqa: PLC0415

        event = DowngradeRefused(
            time=self._ports.utc(),
            account=self._account or None,
            mechanism=mechanism,
            reason=reason,
            host=self._host,
            port=self._endpoint.port,
            was=difference.was,
            now=difference.now,
        )
        self._tell("downgrade", **msgspec.to_builtins(event))

    def _seen(self, tls: TlsInfo, *, requiretls: bool, now: float) -> Channel:
        from mailward.store.client_memory import Channel  # noqa: PLC0415 - SQLite is loaded when it is used

        return Channel(
            host=self._host,
            port=self._endpoint.port,
            tls=tls.version,
            implicit=self._endpoint.mode is TlsMode.IMPLICIT,
            requiretls=requiretls,
            verified_by=tls.verified_by,
            pin=tls.pin,
            first=now,
            seen=now,
        )

    def _logged_in(self, name: str, *, now: float) -> Login | None:
        from mailward.store.client_memory import Login  # noqa: PLC0415

        mechanism = client_mechanisms().get(name)
        if mechanism is None:
            return None
        return Login(
            host=self._host,
            role=self._role,
            account=self._account,
            kind=mechanism.credential,
            mechanism=name,
            strength=mechanism.strength,
            first=now,
            seen=now,
        )

    def _adds(self, channel: Channel) -> bool:
        known = self._channel
        return (
            known is None
            or channel.tls > known.tls
            or channel.requiretls > known.requiretls
            or channel.implicit > known.implicit
            or (channel.pin, channel.verified_by) != (known.pin, known.verified_by)
            or channel.seen - known.seen > _REFRESH
        )

    def _adds_login(self, login: Login | None) -> bool:
        if login is None:
            return False
        known = self._logins.get(login.kind)
        return known is None or login.strength > known.strength or login.seen - known.seen > _REFRESH


def _alike(one: Mechanism, other: Mechanism) -> bool:
    return one.credential == other.credential


def _spelled(version: str) -> str:
    return version.replace("TLSv", "TLS ")
