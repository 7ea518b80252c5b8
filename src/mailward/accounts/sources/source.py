"""What an account source is asked and what it may answer; anything beyond the bounds here is no answer."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from mailward.accounts.account import canonical, sender_key
from mailward.errors import AuthUnavailable, InputError, InvalidConfig
from mailward.printable import printable
from mailward.secret import Secret

MOST_LISTED = 1000  # senders, or networks, of one account
LONGEST_LISTED = 320  # characters of one of them: a mailbox
_YES = frozenset({"1", "true", "t", "yes", "y", "on"})
_NO = frozenset({"", "0", "false", "f", "no", "n", "off"})


class OutOfOrder(AuthUnavailable):
    """The source as a whole does not work: so many in a row, and it is left alone for a while."""


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """account: its canonical name; None, the source knows no such name. right: this is its password.

    senders: keys of the envelope senders it may use. allow_from: CIDR networks it may log in from, empty for any.
    disabled: it may not log in, even with the right password.
    """

    account: str | None
    right: bool
    senders: tuple[str, ...] = ()
    allow_from: tuple[str, ...] = ()
    disabled: bool = False


UNKNOWN = SourceAnswer(None, right=False)


@dataclass(frozen=True, slots=True)
class Question:
    """name: canonical. password: not empty, without NUL. source: the client's address. service: the protocol."""

    name: str
    password: Secret = field(repr=False)
    source: str = ""
    service: str = "smtp"

    @property
    def local_part(self) -> str:
        return self.name.rpartition("@")[0] if "@" in self.name else self.name

    @property
    def domain(self) -> str:
        return self.name.rpartition("@")[2] if "@" in self.name else ""


class AccountSource(Protocol):
    """What a login asks. AuthUnavailable: nobody can tell now, which is never a wrong password."""

    @property
    def name(self) -> str: ...

    async def verify(self, name: str, password: Secret, *, source: str = "", service: str = "smtp") -> SourceAnswer: ...

    def faults(self) -> tuple[str, ...]:
        """What does not work now, for the operator."""

    async def close(self) -> None: ...


class Backend(Protocol):
    """What is behind a `BoundedSource`, one kind a file. `ask` raises AuthUnavailable only: OutOfOrder when
    the whole source does not work, and not only its answer about this account."""

    async def ask(self, question: Question) -> SourceAnswer: ...

    def faults(self) -> tuple[str, ...]: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """timeout: seconds for one login, queue included. connections: questions at the same time. waiting: logins that
    may queue for one. failures: outages in a row after which it is left alone for `pause` seconds."""

    name: str = ""
    timeout: float = 5.0
    connections: int = 4
    waiting: int = 64
    failures: int = 5
    pause: float = 10.0


def out_of_order(name: str, why: str) -> OutOfOrder:
    """The source does not work; `why` may be a peer's text."""
    return OutOfOrder(
        f"the account source {name!r} does not answer: {printable(why, 200)}",
        phase="auth",
        advice="look whether it runs and whether its settings in [[account_source]] are right",
    )


def bad_answer(name: str, why: str) -> AuthUnavailable:
    """The source works, and says something about this account that cannot be used."""
    return AuthUnavailable(
        f"the account source {name!r} gave an answer that cannot be used: {why}",
        phase="auth",
        retryable=False,
        advice="correct the account there",
    )


def needed(kind: str, key: str, why: str) -> InvalidConfig:
    """A setting of a source that is missing or wrong."""
    return InvalidConfig(f"a source of the kind {kind!r}: {why}", key=f"account_source.{key}")


def answer(
    source: str,
    account: str,
    *,
    right: bool,
    senders: Iterable[str] = (),
    allow_from: Iterable[str] = (),
    disabled: bool = False,
) -> SourceAnswer:
    """What `source` says, checked: its own address is a sender of an account that is a mailbox. AuthUnavailable."""
    try:
        name = canonical(account)
        listed = [sender_key(entry) for entry in _bounded(source, senders)]
    except InputError as error:
        problem = error.message
    else:
        own = (name,) if "@" in name else ()
        networks = tuple(_network(source, entry) for entry in _bounded(source, allow_from))
        return SourceAnswer(
            name, right=right, senders=tuple(dict.fromkeys((*own, *listed))), allow_from=networks, disabled=disabled
        )
    raise bad_answer(source, problem)


def words(text: str) -> list[str]:
    """A list written in one text, with commas or spaces between."""
    return text.replace(",", " ").split()


def truth(source: str, text: str) -> bool:
    """What a text says that stands for yes or no; anything else is no answer, so that no lock is overlooked."""
    folded = text.strip().casefold()
    if folded not in _YES | _NO:
        raise bad_answer(source, f"{printable(text, 40)!r} is neither yes nor no")
    return folded in _YES


def _bounded(source: str, entries: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for entry in entries:
        if len(kept) == MOST_LISTED or len(entry) > LONGEST_LISTED:
            raise bad_answer(source, f"more than {MOST_LISTED} senders or networks, or one of absurd length")
        kept.append(entry)
    return kept


def _network(source: str, entry: str) -> str:
    try:
        return str(ipaddress.ip_network(entry.strip(), strict=False))
    except ValueError:
        raise bad_answer(source, f"{printable(entry, 60)!r} is no network") from None
