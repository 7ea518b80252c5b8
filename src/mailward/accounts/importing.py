"""Takes over the accounts of another server: every line judged first, then all of them in one transaction."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from mailward.accounts.account import canonical
from mailward.accounts.hasher import Hasher
from mailward.accounts.imported import BadLine, Entry, Skipped, Told
from mailward.errors import InputError
from mailward.printable import printable
from mailward.sasl.mechanism import ScramKeys
from mailward.sasl.saslprep import prepare_password
from mailward.sasl.scram import DEFAULT_ITERATIONS, SALT_OCTETS, derive_keys
from mailward.secret import Secret
from mailward.store import accounts as table
from mailward.store import credentials
from mailward.store.accounts import AccountRow
from mailward.store.credentials import NewPassword

T = TypeVar("T")
MOST_LINES = 100_000  # that tell something: what one transaction holds in memory
_REMEMBERED = 5  # passwords before an imported one, to recognise


class Run(Protocol):
    """`Writer.run`: carry the operation out and come back after the commit; an exception undoes it."""

    def __call__(self, operation: Callable[[sqlite3.Connection], T], /) -> T: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """domain: of names without one. replace: give accounts that are there the imported password. skip_bad: import the
    rest when lines are bad. allow_weak: take schemes whose stolen verifiers are known passwords."""

    domain: str = ""
    replace: bool = False
    skip_bad: bool = False
    allow_weak: bool = False
    dry_run: bool = False


@dataclass(slots=True)
class Plan:
    """What an import does: accounts by canonical name, and the lines that it leaves out. written: it is done."""

    new: dict[str, Entry] = field(default_factory=dict)
    replaced: dict[str, Entry] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)
    written: bool = False


class Importer:
    """reader: of the calling thread. now: Unix seconds."""

    def __init__(self, reader: sqlite3.Connection, run: Run, *, hasher: Hasher, now: Callable[[], float]) -> None:
        self._reader = reader
        self._run = run
        self._hasher = hasher
        self._now = now

    def take(self, told: Iterable[Told], wishes: Wishes) -> Plan:
        """Nothing is written when a line is bad (unless skip_bad) or in a dry run; otherwise all of it, or nothing.

        Passwords themselves become argon2id verifiers and SCRAM keys at once, some 50 ms each. InputError: there are
        too many accounts, or one appeared meanwhile.
        """
        plan = self.plan(told, wishes)
        if (plan.bad and not wishes.skip_bad) or wishes.dry_run:
            return plan
        operations = [self._added(key, entry) for key, entry in plan.new.items()]
        operations += [self._replaced(key, entry) for key, entry in plan.replaced.items()]

        def operation(connection: sqlite3.Connection) -> None:
            for each in operations:
                each(connection)

        self._run(operation)
        plan.written = True
        return plan

    def plan(self, told: Iterable[Told], wishes: Wishes) -> Plan:
        """What `take` would do. Quick: no password is hashed."""
        plan = Plan()
        for count, each in enumerate(told, 1):
            if count > MOST_LINES:
                raise InputError(f"more than {MOST_LINES} lines: split the file", phase="import")
            match each:
                case Entry():
                    try:
                        self._place(plan, each, wishes)
                    except InputError as error:
                        plan.bad.append(BadLine(each.line, error.message))
                case Skipped():
                    plan.skipped.append(each)
                case BadLine():
                    plan.bad.append(each)
        return plan

    def _place(self, plan: Plan, entry: Entry, wishes: Wishes) -> None:
        whole = f"{entry.name}@{wishes.domain}" if wishes.domain and "@" not in entry.name else entry.name
        key = canonical(whole)
        before = plan.new.get(key) or plan.replaced.get(key)
        if before is not None:
            raise InputError(f"line {before.line} has the account {printable(key, 80)!r} already", phase="import")
        if entry.weak and not wishes.allow_weak:
            raise InputError(
                f"its scheme is weak ({entry.scheme}): whoever has stolen the file knows the password", phase="import"
            )
        if entry.password is not None:
            _check(entry.password)
        if table.find(self._reader, key) is None:
            plan.new[key] = entry
        elif wishes.replace:
            plan.replaced[key] = entry
        else:
            raise InputError(f"there is an account {printable(key, 80)!r} already", phase="import")

    def _added(self, key: str, entry: Entry) -> Callable[[sqlite3.Connection], None]:
        scram = entry.scram if _as_ours(entry.scram) else None
        salt = secrets.token_bytes(SALT_OCTETS) if scram is None else scram.salt
        now = self._now()
        row = AccountRow(key, salt, DEFAULT_ITERATIONS, "[]", now, now)
        password = self._password(entry, salt, DEFAULT_ITERATIONS, now=now)

        def operation(connection: sqlite3.Connection) -> None:
            if not table.insert(row, password)(connection):
                raise _changed(key)
            _settle(connection, key, entry, now)

        return operation

    def _replaced(self, key: str, entry: Entry) -> Callable[[sqlite3.Connection], None]:
        row = table.find(self._reader, key)
        current = [each.id for each in row.credentials if each.state == "current"] if row else []
        if row is None or not current:
            raise _changed(key)
        now = self._now()
        password = self._password(entry, row.scram_salt, row.scram_iterations, now=now)

        def operation(connection: sqlite3.Connection) -> None:
            if not credentials.replace(key, password, expected=current[0], keep=_REMEMBERED)(connection):
                raise _changed(key)
            _settle(connection, key, entry, now)

        return operation

    def _password(self, entry: Entry, salt: bytes, iterations: int, *, now: float) -> NewPassword:
        if entry.password is not None:
            keys: ScramKeys | None = derive_keys(entry.password.reveal(), salt, iterations)
            verifier = self._hasher.hash(entry.password)
        else:
            fits = entry.scram is not None and (entry.scram.salt, entry.scram.iterations) == (salt, iterations)
            keys, verifier = entry.scram if fits else None, entry.verifier or ""
        if keys is None:
            return NewPassword(verifier, None, None, now)
        return NewPassword(verifier, keys.stored_key, keys.server_key, now)


def _as_ours(keys: ScramKeys | None) -> bool:
    """Whether an exchange over them looks as one over nobody's: other salts or iterations would tell who exists."""
    return keys is not None and keys.iterations == DEFAULT_ITERATIONS and len(keys.salt) == SALT_OCTETS


def _check(password: Secret) -> None:
    try:
        prepare_password(password.reveal())
        return
    except InputError as error:
        refusal = InputError(error.message, phase="import")
    raise refusal  # a new one: the frames of the old one hold the password


def _settle(connection: sqlite3.Connection, key: str, entry: Entry, now: float) -> None:
    """What an import never does: take a limit from an account that is there, or unlock it."""
    values: dict[str, str | int] = {}
    if entry.allow_from:
        values["allow_from"] = json.dumps(entry.allow_from)
    if entry.disabled:
        values["disabled"] = 1
    if values:
        table.change(key, values, now=now)(connection)


def _changed(key: str) -> InputError:
    return InputError(f"the account {key!r} changed meanwhile: nothing was imported", phase="import")
