"""Password verifiers and the bounded pool that makes them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import resource
import statistics
import threading
import time
import traceback
from collections.abc import Callable, Iterator

import pytest
from argon2 import low_level

from mailward.accounts.hasher import Hasher
from mailward.errors import AuthUnavailable, InputError, StoreError
from mailward.secret import Secret

CANARY = "canary-horse-battery-7"
IMPORTED = [  # of "secret"
    "$2y$05$C5toDU5XGrf2VWM2rme.LO7C6u1m6n4O6rcnJor2js5Z3JmONIM76",
    "{BLF-CRYPT}$2y$05$bHoKW3dIYXsoImq/RkJ1KeiYtQ35qKQsasIDj7sTIhSLQNeUlwLRa",
    "$6$4Gk26ugrhxWFkxln$VAyfvFYvq7fDi6v0lU23il1a.LpF4BCOvk5qt63iRPUBYcuclHA1IYgAAv52JIeb1KVJJOj8.hu9Penicf0n8.",
    "$y$j75$RbLe/.ytN7D1HirU5AUnB1$6vMDPm6cjmaOE.KU82GOCKKgdKareaJEJmIZss2W8K2",
    "{PBKDF2}$1$MbV90ys9xeS6oqr6$5000$ea013ac6e9979ac49919fe78146660fb2a267cbe",
    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$bRR1kugKkLAYEkbw3jKnpw$KlB20UUZ4QU2eojSjkIUG8nGovh/124pjtPnHohIw8I",
    "{SMD5}KQZcbaoQI3ARxINtx9ZdE/Ac4Og=",
    "{SSHA256.HEX}e7b601a8abebee5afcd42772167f08637aba11172a801c7cda094d918dbf1cb06d5c9135",
]


def ssha(password: bytes) -> str:
    return (
        "{SSHA}" + base64.b64encode(hashlib.sha1(password + b"salt", usedforsecurity=False).digest() + b"salt").decode()
    )


def peak() -> int:
    """Of this process' memory, in octets."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


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
        "{PLAIN}" + CANARY,
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


@pytest.mark.parametrize("verifier", IMPORTED)
def test_imported(cheap: Hasher, verifier: str) -> None:
    """Verifiers of other servers prove the same password as before, and nothing else."""
    assert cheap.verify(verifier, Secret("secret")) is True
    for wrong in ("", "Secret", "secret\x00", "s" * 1025, "\udcff"):
        assert cheap.verify(verifier, Secret(wrong)) is False


def test_imported_ones_were_never_prepared(cheap: Hasher) -> None:
    """Another server hashed the octets it got: they count as they came, and as they are prepared."""
    for hashed in (
        "\ufb01ve-\u2168",
        "five-IX",
    ):  # the ligature fi and the Roman numeral, and what SASLprep makes of them
        verifier = ssha(hashed.encode())
        assert cheap.verify(verifier, Secret("\ufb01ve-\u2168")) is True
        assert cheap.verify(verifier, Secret("five-9")) is False
    assert cheap.verify(cheap.hash(Secret("five-IX")), Secret("\ufb01ve-\u2168")) is True
    assert cheap.verify(ssha(b""), Secret("")) is False
    assert cheap.verify(ssha(b"x" * 1025), Secret("x" * 1025)) is False


def test_outdated(cheap: Hasher, hasher: Hasher) -> None:
    """Another scheme, another parameter, another length: to be replaced when the password is next at hand."""
    ours = cheap.hash(Secret(CANARY))

    assert not cheap.outdated(ours)
    assert hasher.outdated(ours)
    assert all(map(cheap.outdated, [*IMPORTED, ours[:-4], "x" + ours, ours + "x", ours.replace("id$", "i$"), ""]))


@pytest.mark.parametrize("verifier", [None, "ours", *IMPORTED])
def test_a_wrong_password_costs_an_argon2(cheap: Hasher, monkeypatch: pytest.MonkeyPatch, verifier: str | None) -> None:
    """Exactly one with the current parameters, whatever the verifier: nobody's, ours, or a cheap one from elsewhere."""
    spent: list[str] = []
    real = low_level.verify_secret

    def counted(text: bytes, secret: bytes, kind: low_level.Type) -> bool:
        spent.append(text.decode())
        return real(text, secret, kind)

    made = cheap.hash(Secret("secret")) if verifier == "ours" else verifier
    monkeypatch.setattr(low_level, "verify_secret", counted)

    assert cheap.verify(made, Secret("wrong")) is False
    assert sum(text.startswith("$argon2id$v=19$m=8,t=1,p=1$") for text in spent) == 1


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
async def test_known_sources_go_first() -> None:
    """Two hundred logins from unknown sources wait; one from a known source is hashed before all of them."""
    hasher = Hasher(workers=1, waiting=200, patience=30, memory_kib=8, time_cost=1)
    verifier = hasher.hash(Secret(CANARY))
    order: list[str] = []

    async def login(name: str, *, known: bool) -> None:
        assert await hasher.verify_async(verifier, Secret(CANARY), known=known)
        order.append(name)

    held = threading.Event()
    hasher._turns.submit(lambda: held.wait(5), known=False)
    async with asyncio.TaskGroup() as group:
        for _ in range(200):
            group.create_task(login("unknown", known=False))
        await asyncio.sleep(0)
        with pytest.raises(AuthUnavailable):
            await hasher.verify_async(verifier, Secret(CANARY))
        group.create_task(login("ann", known=True))
        await asyncio.sleep(0)
        held.set()
    hasher.close()

    assert order.index("ann") == 0
    assert len(order) == 201


@pytest.mark.slow
@pytest.mark.asyncio
async def test_two_hundred_logins_at_once() -> None:
    """With the parameters of the server: each is answered or told to come again, and memory grows by 64 MiB at most."""
    hasher = Hasher(waiting=200)
    verifier = await asyncio.to_thread(hasher.hash, Secret(CANARY))
    await hasher.verify_async(verifier, Secret(CANARY))
    before = peak()
    answers = await asyncio.gather(
        *(hasher.verify_async(verifier, Secret(CANARY if n % 2 else "wrong")) for n in range(200)),
        return_exceptions=True,
    )
    grown = peak() - before
    hasher.close()

    judged = {n: answer for n, answer in enumerate(answers) if not isinstance(answer, AuthUnavailable)}
    assert judged
    assert all(answer is bool(n % 2) for n, answer in judged.items())
    assert grown <= 64 << 20


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
        lambda: cheap.verify("$y$j75$z$" + "a" * 43, Secret(CANARY)),
        lambda: cheap.verify("$argon2i$v=19$m=8,t=1,p=4$c29tZXNhbHQ$" + "a" * 43, Secret(CANARY)),
        lambda: cheap.hash(Secret(CANARY + "\x00")),
        lambda: cheap.hash(Secret(CANARY * 99)),
    ]
    for wrong in wrongs:
        with pytest.raises((StoreError, InputError)) as caught:
            wrong()
        told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        shown += [repr(caught.value), "".join(told.format())]

    assert [line for text in shown for line in text.splitlines() if CANARY in line] == []


def test_the_first_right_one(cheap: Hasher) -> None:
    """Of several verifiers; one that cannot be read is nobody's password as long as another one can be."""
    first, second = (cheap.hash(Secret(each)) for each in ("first", "second"))

    assert [cheap.first_right([first, second], Secret(each)) for each in ("first", "second", "third")] == [0, 1, None]
    assert cheap.first_right(["$nobody$knows", second], Secret("second")) == 1
    assert cheap.first_right([first, "$nobody$knows"], Secret("second")) is None
    with pytest.raises(StoreError):
        cheap.first_right(["$nobody$knows"], Secret("first"))


@pytest.mark.asyncio
async def test_several_verifiers_are_one_turn(cheap: Hasher) -> None:
    """S58: a queue that is full in the middle would tell that the first of two passwords was not it, at no cost."""
    verifiers = [cheap.hash(Secret(each)) for each in ("first", "second")]

    two = await asyncio.gather(*(cheap.first_right_async(verifiers, Secret(each)) for each in ("second", "third")))

    assert two == [1, None]
