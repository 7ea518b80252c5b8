"""Password verifiers: argon2id (RFC 9106) with OWASP's parameters, a bounded number of them at a time."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from mailward.errors import AuthUnavailable, InputError, StoreError
from mailward.sasl.saslprep import prepare_password
from mailward.secret import Secret

_SALT_OCTETS = 16
_HASH_OCTETS = 32
# A verifier is read from a file: what it may make us spend is bounded (1 GiB, 64 passes, 16 lanes).
_MOST_MEMORY_KIB, _MOST_TIME, _MOST_LANES = 1 << 20, 64, 16


class Hasher:
    """workers: hashes at the same time (the machine's cores). waiting: logins that may queue for one.

    patience: seconds a login waits in that queue. Memory: `workers` times `memory_kib`, however many logins come.
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
        self._workers = workers or _cores()
        self._waiting = waiting
        self._patience = patience
        self._memory_kib = memory_kib
        self._time_cost = time_cost
        self._parallelism = parallelism
        self._dummy = self._nobodys_verifier()
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="mailward-argon2")
        self._under_way = 0
        self._closed = False
        self._lock = threading.Lock()

    def hash(self, password: Secret) -> str:
        """The verifier to store, a PHC string. Blocks for some 20 ms. InputError: SASLprep forbids the password."""
        from argon2.low_level import Type, hash_secret  # noqa: PLC0415  # C extension, only where passwords are

        return hash_secret(
            _prepared(password, stored=True),
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
        StoreError: the verifier is not one.
        """
        matches = _matches(self._dummy if verifier is None else verifier, password)
        return matches and verifier is not None

    async def verify_async(self, verifier: str | None, password: Secret) -> bool:
        """`verify` in the pool. AuthUnavailable: the queue is full, or `patience` is over before its turn came."""
        future = self._queue(verifier, password)
        answer = asyncio.wrap_future(future)
        try:
            await asyncio.wait({answer}, timeout=self._patience)
            if future.cancelled() or (not answer.done() and future.cancel()):
                raise _busy()
            return await answer
        finally:
            future.cancel()  # a login that was given up leaves the queue at once
            answer.cancel()

    def close(self) -> None:
        """What waits is cancelled; what is being hashed is finished first."""
        with self._lock:
            self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _queue(self, verifier: str | None, password: Secret) -> Future[bool]:
        with self._lock:
            if self._under_way >= self._workers + self._waiting or self._closed:
                raise _busy()
            future = self._pool.submit(self.verify, verifier, password)
            self._under_way += 1
        future.add_done_callback(self._settled)
        return future

    def _settled(self, _future: Future[bool]) -> None:
        with self._lock:
            self._under_way -= 1

    def _nobodys_verifier(self) -> str:
        """A verifier no password has: a random hash, in the form and with the parameters of a real one."""
        salt, digest = (
            base64.b64encode(secrets.token_bytes(octets)).decode().rstrip("=")
            for octets in (_SALT_OCTETS, _HASH_OCTETS)
        )
        parameters = f"m={self._memory_kib},t={self._time_cost},p={self._parallelism}"
        return f"$argon2id$v=19${parameters}${salt}${digest}"


def _matches(verifier: str, password: Secret) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError  # noqa: PLC0415
    from argon2.low_level import Type, verify_secret  # noqa: PLC0415

    try:
        _check_costs(verifier)
        return verify_secret(verifier.encode("ascii"), _compared(password), Type.ID)
    except VerifyMismatchError:
        return False
    except (InvalidHashError, VerificationError, UnicodeEncodeError):
        pass  # raised below: an exception raised here would carry argon2's frame, and the password in it
    raise _unreadable()


def _check_costs(verifier: str) -> None:
    from argon2 import extract_parameters  # noqa: PLC0415

    costs = extract_parameters(verifier)
    if costs.memory_cost > _MOST_MEMORY_KIB or costs.time_cost > _MOST_TIME or costs.parallelism > _MOST_LANES:
        raise _unreadable()


def _compared(password: Secret) -> bytes:
    """As `hash` prepares it; what no stored password can be is compared as it is, in vain and in the same time."""
    try:
        return _prepared(password, stored=False)
    except InputError:
        return password.reveal().encode("utf-8", "surrogatepass")


def _prepared(password: Secret, *, stored: bool) -> bytes:
    try:
        return prepare_password(password.reveal(), stored=stored).encode()
    except InputError as error:
        refusal = InputError(error.message, phase="password")
    raise refusal  # a new one: the frames of the old one hold the password


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _unreadable() -> StoreError:
    return StoreError(
        "the stored verifier of the account is not argon2id or asks for too much",
        phase="auth",
        advice="set the account's password again: mailward user passwd",
    )


def _busy() -> AuthUnavailable:
    return AuthUnavailable("too many logins at once: the queue of the password hasher is full", phase="auth")
