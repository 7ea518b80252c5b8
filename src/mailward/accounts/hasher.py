"""Password verifiers: argon2id (RFC 9106) with OWASP's parameters for our own, every scheme for imported ones."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from mailward.accounts import verifiers
from mailward.accounts.scheme import Check
from mailward.accounts.turns import Turns, busy
from mailward.errors import InputError, StoreError
from mailward.sasl.saslprep import MAX_PASSWORD, prepare_password
from mailward.secret import Secret

T = TypeVar("T")
_SALT_OCTETS = 16
_HASH_OCTETS = 32
_OCTETS = ("utf-8", "surrogatepass")
_OURS = re.compile(r"[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}")  # salt and hash of those lengths


class Hasher:
    """workers: hashes at the same time (the machine's cores). waiting: logins that may queue for one.

    patience: seconds a login waits in that queue. Memory: `workers` times `memory_kib`, however many logins come.
    Logins from known sources have a queue of their own, as long, and go first.

    A wrong password costs at least one argon2 with these parameters, whatever scheme the account's verifier is of and
    whether or not there is such an account. An imported verifier that costs more than that (bcrypt of cost 12, say)
    answers later than nobody's, until its first login replaces it.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        waiting: int = 64,
        patience: float = 5.0,
        memory_kib: int = 19_456,
        time_cost: int = 2,
        parallelism: int = 1,
    ) -> None:
        self._patience = patience
        self._memory_kib = memory_kib
        self._time_cost = time_cost
        self._parallelism = parallelism
        self._beginning = f"$argon2id$v=19$m={memory_kib},t={time_cost},p={parallelism}$"
        self._dummy = self._nobodys_verifier()
        self._turns = Turns(workers=workers or _cores(), waiting=waiting)

    def hash(self, password: Secret) -> str:
        """The verifier to store, a PHC string. Blocks for some 20 ms. InputError: SASLprep forbids the password."""
        from argon2.low_level import Type, hash_secret  # noqa: PLC0415  # C extension, only where passwords are

        return hash_secret(
            _prepared(password),
            secrets.token_bytes(_SALT_OCTETS),
            time_cost=self._time_cost,
            memory_cost=self._memory_kib,
            parallelism=self._parallelism,
            hash_len=_HASH_OCTETS,
            type=Type.ID,
        ).decode("ascii")

    def verify(self, verifier: str | None, password: Secret) -> bool:
        """Whether this is the password. Blocks for some 20 ms.

        None, for an account that does not exist: the same work with the current parameters, and False.
        StoreError: the verifier is not one, of any scheme. One that was imported was made of octets nobody prepared:
        the password is tried as it is prepared, and as it came.
        """
        ours = verifier is not None and not self.outdated(verifier)
        matches = verifier is not None and _matches(verifier, password, as_it_came=not ours)
        if not ours and not matches:
            _matches(self._dummy, password, as_it_came=False)
        return matches

    def outdated(self, verifier: str) -> bool:
        """Whether a login that has just shown its password should get a new verifier: another scheme or parameters."""
        return _OURS.fullmatch(verifier.removeprefix(self._beginning)) is None

    async def verify_async(self, verifier: str | None, password: Secret, *, known: bool = False) -> bool:
        """`verify` in the pool. known: the source has logged in before, and so goes before those that have not.

        AuthUnavailable: the queue is full, or `patience` is over before its turn came.
        """
        return await self._in_turn(partial(self.verify, verifier, password), known=known)

    def first_right(self, verifiers: Sequence[str], password: Secret) -> int | None:
        """Which of them it is the password of, None for none. Blocks for some 20 ms each.

        One that cannot be read is nobody's password as long as another one can be: no guess at that one is told
        from an outage. StoreError: none of them can be read.
        """
        problem: StoreError | None = None
        judged = False
        for number, verifier in enumerate(verifiers):
            try:
                if self.verify(verifier, password):
                    return number
                judged = True
            except StoreError as error:
                problem = error
        if problem is not None and not judged:
            raise problem
        return None

    async def first_right_async(self, verifiers: Sequence[str], password: Secret, *, known: bool = False) -> int | None:
        """`first_right` in the pool, in one turn: AuthUnavailable tells nothing of any of them."""
        return await self._in_turn(partial(self.first_right, verifiers, password), known=known)

    async def _in_turn(self, call: Callable[[], T], *, known: bool) -> T:
        future = self._turns.submit(call, known=known)
        answer = asyncio.wrap_future(future)
        try:
            await asyncio.wait({answer}, timeout=self._patience)
            if future.cancelled() or (not answer.done() and future.cancel()):
                raise busy()
            return await answer
        finally:
            future.cancel()  # a login that was given up leaves the queue at once
            answer.cancel()

    def close(self) -> None:
        """What waits is cancelled; what is being hashed is finished first."""
        self._turns.close()

    def _nobodys_verifier(self) -> str:
        """A verifier no password has: a random hash, in the form and with the parameters of a real one."""
        salt, digest = (
            base64.b64encode(secrets.token_bytes(octets)).decode().rstrip("=")
            for octets in (_SALT_OCTETS, _HASH_OCTETS)
        )
        return f"{self._beginning}{salt}${digest}"


def _matches(verifier: str, password: Secret, *, as_it_came: bool) -> bool:
    outcome = _outcome(verifiers.read(verifier).check, password, as_it_came=as_it_came)
    if isinstance(outcome, StoreError):
        raise outcome
    return outcome


def _outcome(check: Check, password: Secret, *, as_it_came: bool) -> bool | StoreError:
    """Every spelling is tried, whether or not one before it matched."""
    try:
        matches = [check(spelling) for spelling in _spellings(password, as_it_came=as_it_came)]
    except StoreError as error:
        return StoreError(error.message, phase=error.phase, advice=error.advice)  # a new one, without those frames
    return any(matches) and _possible(password.reveal().encode(*_OCTETS))


def _possible(password: bytes) -> bool:
    """HMAC, so PBKDF2 and scrypt too, takes a password with NULs after it for the same."""
    return 0 < len(password) <= MAX_PASSWORD and b"\0" not in password


def _spellings(password: Secret, *, as_it_came: bool) -> tuple[bytes, ...]:
    """As `hash` prepares it; what no stored password can be is compared as it is, in vain and in the same time."""
    came = password.reveal().encode(*_OCTETS)
    try:
        prepared = _prepared(password)
    except InputError:
        return (came,)
    return (prepared, came) if as_it_came and came != prepared else (prepared,)


def _prepared(password: Secret) -> bytes:
    try:
        return prepare_password(password.reveal()).encode()
    except InputError as error:
        refusal = InputError(error.message, phase="password")
    raise refusal  # a new one: the frames of the old one hold the password


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
