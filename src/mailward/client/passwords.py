"""Where a password comes from: given, asked for by a function, or two of them while one takes over from the other."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from mailward.errors import InputError
from mailward.net.awaiting import answer_of
from mailward.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mailward.net.ports import Ports

_MOST_HOSTS: Final = 256  # that one Password remembers


class SecretSource(Protocol):
    """Knows a password, or where to find it."""

    async def read(self, ports: Ports, *, user: str, host: str, until: float | None) -> Secret:
        """Never empty. Raises MailwardError."""
        ...

    def refused(self, secret: Secret, host: str) -> bool:
        """`host` refused it. Whether `read` may now give another."""
        ...

    def accepted(self, secret: Secret, host: str) -> None: ...


AnySecret: TypeAlias = "str | Secret | SecretSource | Callable[[], str | Secret | Awaitable[str | Secret]]"


class Fixed:
    """A password that the program gave and that stays what it is."""

    def __init__(self, secret: Secret) -> None:
        self.secret = secret

    async def read(self, ports: Ports, *, user: str, host: str, until: float | None) -> Secret:  # noqa: ARG002
        return self.secret

    def refused(self, secret: Secret, host: str) -> bool:  # noqa: ARG002
        return False

    def accepted(self, secret: Secret, host: str) -> None:
        pass


class Elsewhere:
    """What all have in common that look a password up: each login does, and a refused one is looked up again."""

    def refused(self, secret: Secret, host: str) -> bool:  # noqa: ARG002
        return True

    def accepted(self, secret: Secret, host: str) -> None:
        pass


class Called(Elsewhere):
    """`function` gives it, or with AsyncClient an awaitable of it. It is called for each login."""

    def __init__(self, function: Callable[[], str | Secret | Awaitable[str | Secret]]) -> None:
        self._function = function

    async def read(self, ports: Ports, *, user: str, host: str, until: float | None) -> Secret:  # noqa: ARG002
        within = None if until is None else max(0.0, until - ports.now())
        return checked(await answer_of(self._function, ports, within=within, what="the function in auth="))


class Password:
    """`current`, and `next` once the server knows it: a rotation without a moment in which no login succeeds.

    Each is a str, a Secret, a function, `Keyring`, `PasswordFile` or `Environment`. `current` is tried first. Where it
    is refused, `next` is, once; and from the login at which that works, `current` is never sent to that server again.
    """

    def __init__(self, current: AnySecret, *, next: AnySecret | None = None) -> None:  # noqa: A002  # the word for it
        try:
            self._sources = [source_of(each) for each in (current, next) if each is not None]
        finally:
            del current, next  # a traceback that shows local variables must not show them
        self._turns: OrderedDict[str, _Turn] = OrderedDict()

    async def read(self, ports: Ports, *, user: str, host: str, until: float | None) -> Secret:
        turn = self._turn(host)
        which = turn.which
        secret = await self._sources[which].read(ports, user=user, host=host, until=until)
        turn.given[which] = secret
        return secret

    def refused(self, secret: Secret, host: str) -> bool:
        """Many logins may learn at once that the same one was refused; the turn passes to the other only once."""
        turn = self._turn(host)
        if secret != turn.given.get(turn.which):
            return True
        if len(self._sources) == 1 or turn.settled:
            return self._sources[turn.which].refused(secret, host)
        turn.which = 1 - turn.which
        return True

    def accepted(self, secret: Secret, host: str) -> None:
        turn = self._turn(host)
        if turn.which == 1 and secret == turn.given.get(1):
            turn.settled = True
        self._sources[turn.which].accepted(secret, host)

    def _turn(self, host: str) -> _Turn:
        turn = self._turns.setdefault(host, _Turn())
        while len(self._turns) > _MOST_HOSTS:
            self._turns.popitem(last=False)
        return turn


@dataclass(slots=True)
class _Turn:
    """At one host. `which`: of the two is to be read. `given`: what each was when it was read last.

    `settled`: the second has worked, and stays.
    """

    which: int = 0
    given: dict[int, Secret] = field(default_factory=dict)
    settled: bool = False


def source_of(value: object) -> SecretSource:
    """Raises InputError, which does not show `value`."""
    if isinstance(value, str | Secret):
        try:
            return Fixed(checked(value))
        finally:
            del value
    if hasattr(value, "read") and hasattr(value, "refused") and hasattr(value, "accepted"):
        source: SecretSource = value
        return source
    if callable(value):
        return Called(value)
    del value
    raise InputError(
        "the password in auth= must be a str, a Secret, a function, Password, Keyring, PasswordFile or Environment",
        phase="options",
    )


def checked(value: object) -> Secret:
    """A password that may be sent. Raises InputError, which does not show `value`."""
    if isinstance(value, str | Secret) and value:
        return Secret.of(value)
    problem = "is empty" if isinstance(value, str | Secret) else f"is no str or Secret but {type(value).__name__}"
    del value
    raise InputError(f"the password for auth= {problem}", phase="options")
