"""Password verifiers and the bounded pool that makes them."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
import traceback
from collections.abc import Callable, Iterator

import pytest

from mailward.accounts.hasher import Hasher
from mailward.errors import AuthUnavailable, InputError, StoreError
from mailward.secret import Secret

CANARY = "canary-horse-battery-7"


@pytest.fixture(scope="module")
def hasher() -> Iterator[Hasher]:
    hasher = Hasher(workers=1)
    yield hasher
    hasher.close()


@pytest.fixture
def cheap() -> Iterator[Hasher]:
    """One worker, one place in the queue, hashes that cost nothing."""
    hasher = Hasher(workers=1, waiting=1, memory_kib=8, time_cost=1)
    yield hasher
    hasher.close()


class Gate:
    """Stands in for the hash: everyone who comes waits until it is opened."""

    def __init__(self, hasher: Hasher) -> None:
        self.opened = threading.Event()
        self.entered = 0
        self._first = threading.Event()
        hasher.verify = self._verify  # type: ignore[method-assign]

    async def begun(self) -> None:
        assert await asyncio.to_thread(self._first.wait, 5)

    def _verify(self, verifier: str | None, password: Secret) -> bool:
        self.entered += 1
        self._first.set()
        assert self.opened.wait(5)
        return verifier == password.reveal()


def test_the_parameters_are_owasps(hasher: Hasher) -> None:
    """argon2id, 19 MiB, two passes, one lane; 16 octets of salt; for real accounts and for nobody's."""
    for verifier in (hasher.hash(Secret(CANARY)), hasher._dummy):
        _, kind, version, costs, salt, digest = verifier.split("$")
        assert (kind, version, costs) == ("argon2id", "v=19", "m=19456,t=2,p=1")
        assert (len(salt), len(digest)) == (22, 43)


def test_right_and_wrong(hasher: Hasher) -> None:
    """The password it was made of, and no other; a salt of its own each time."""
    verifier = hasher.hash(Secret(CANARY))

    assert hasher.verify(verifier, Secret(CANARY)) is True
    assert hasher.verify(verifier, Secret(CANARY + "x")) is False
    assert hasher.verify(verifier, Secret("")) is False
    assert hasher.verify(None, Secret(CANARY)) is False
    assert hasher.hash(Secret(CANARY)) != verifier


def test_every_spelling_of_a_password_matches(cheap: Hasher) -> None:
    """A composed and a decomposed umlaut are one password; keyboards differ."""
    verifier = cheap.hash(Secret("zwölf Boxkämpfer jagen"))

    assert cheap.verify(verifier, Secret("zwo\u0308lf Boxka\u0308mpfer jagen"))


@pytest.mark.parametrize("password", ["", "x" * 1025, "a\x00b", "\udcff" * 20, "tab\there"])
def test_what_no_password_can_be(cheap: Hasher, password: str) -> None:
    """It is never stored, and never verified; neither is an accident."""
    assert cheap.verify(cheap.hash(Secret("something else")), Secret(password)) is False
    with pytest.raises(InputError):
        cheap.hash(Secret(password))


@pytest.mark.parametrize(
    "verifier",
    [
        "",
        "plain",
        "$2b$12$abcdefghijklmnopqrstuv",
        "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo",
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzYWx0$aGFzaGhhc2hoYXNo",
        "$argon2id$v=19$m=8,t=100000000,p=1$c29tZXNhbHRzYWx0$aGFzaGhhc2hoYXNo",
        "$argon2id$v=19$m=8,t=1,p=1$c29t\udcff$aGFzaGhhc2hoYXNo",
    ],
)
def test_a_bad_verifier_is_an_error(cheap: Hasher, verifier: str) -> None:
    """A damaged or absurd row of the store is told, and cannot make us spend more than a bounded amount."""
    with pytest.raises(StoreError, match="stored verifier") as caught:
        cheap.verify(verifier, Secret(CANARY))

    assert caught.value.__context__ is None
    assert "user passwd" in caught.value.advice


def test_unknown_accounts_cost_the_same(hasher: Hasher) -> None:
    """Interleaved, wrong password for a known account against any for an unknown one: the same time."""
    verifier = hasher.hash(Secret("another password"))
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(12):
        for known in (True, False):
            started = time.thread_time()
            hasher.verify(verifier if known else None, Secret(CANARY))
            times[known].append(time.thread_time() - started)

    assert 0.8 < statistics.median(times[True]) / statistics.median(times[False]) < 1.25


@pytest.mark.asyncio
async def test_in_the_pool(cheap: Hasher) -> None:
    """The same answers without blocking the loop."""
    verifier = cheap.hash(Secret(CANARY))

    assert await cheap.verify_async(verifier, Secret(CANARY)) is True
    assert await cheap.verify_async(verifier, Secret("wrong")) is False
    assert await cheap.verify_async(None, Secret(CANARY)) is False
    with pytest.raises(StoreError):
        await cheap.verify_async("damaged", Secret(CANARY))


@pytest.mark.asyncio
async def test_a_full_queue_is_told_at_once(cheap: Hasher) -> None:
    """One is hashed, one waits, the third hears it immediately; afterwards there is room again."""
    gate = Gate(cheap)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(cheap.verify_async("x", Secret("x"))) for _ in range(2)]
        await gate.begun()
        started = time.monotonic()
        with pytest.raises(AuthUnavailable, match="too many logins at once") as caught:
            await cheap.verify_async("x", Secret(CANARY))
        assert time.monotonic() - started < 1
        gate.opened.set()

    assert caught.value.retryable
    assert [task.result() for task in tasks] == [True, True]
    assert await cheap.verify_async("x", Secret("x")) is True


@pytest.mark.asyncio
async def test_patience_has_an_end() -> None:
    """Who waits in the queue for too long is told; whose hash has begun gets its answer."""
    hasher = Hasher(workers=1, patience=0.1, memory_kib=8, time_cost=1)
    gate = Gate(hasher)
    async with asyncio.TaskGroup() as group:
        begun = group.create_task(hasher.verify_async("x", Secret("x")))
        await gate.begun()
        with pytest.raises(AuthUnavailable):
            await hasher.verify_async("x", Secret("x"))
        gate.opened.set()
    hasher.close()

    assert begun.result() is True
    assert gate.entered == 1


@pytest.mark.asyncio
async def test_who_leaves_frees_the_place(cheap: Hasher) -> None:
    """A connection that is lost while its login waits takes nothing from the others, and is never hashed."""
    gate = Gate(cheap)
    first = asyncio.ensure_future(cheap.verify_async("x", Secret("x")))
    await gate.begun()
    for _ in range(20):
        waiting = asyncio.ensure_future(cheap.verify_async("x", Secret("x")))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    gate.opened.set()

    assert await first is True
    assert gate.entered == 1


@pytest.mark.asyncio
async def test_a_closed_hasher_is_unavailable() -> None:
    """Those in the queue hear it, and those who come later."""
    hasher = Hasher(workers=1, waiting=5, memory_kib=8, time_cost=1)
    gate = Gate(hasher)
    first, second = (asyncio.ensure_future(hasher.verify_async("x", Secret("x"))) for _ in range(2))
    await gate.begun()
    closing = asyncio.get_running_loop().run_in_executor(None, hasher.close)
    await asyncio.wait({second}, timeout=5)
    gate.opened.set()
    await closing

    assert await first is True
    with pytest.raises(AuthUnavailable):
        await second
    with pytest.raises(AuthUnavailable):
        await hasher.verify_async("x", Secret("x"))


def test_no_password_is_shown(cheap: Hasher) -> None:
    """Neither a hasher nor what it raises, its frames' variables included, shows a password."""
    shown = [repr(cheap), repr(vars(cheap))]
    wrongs: list[Callable[[], object]] = [
        lambda: cheap.verify("damaged", Secret(CANARY)),
        lambda: cheap.hash(Secret(CANARY + "\x00")),
        lambda: cheap.hash(Secret(CANARY * 99)),
    ]
    for wrong in wrongs:
        with pytest.raises((StoreError, InputError)) as caught:
            wrong()
        told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        shown += [repr(caught.value), "".join(told.format())]

    assert [line for text in shown for line in text.splitlines() if CANARY in line] == []
