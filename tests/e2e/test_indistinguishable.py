"""Nobody learns from a refusal, or from how long it took, which accounts there are (figure 11)."""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path

import pytest

from mailward.secret import Secret
from tests.login.place import AT_ONCE, BUDGET, FAILED, b64, book, ssha
from tests.support.installation import IMPLICIT, PASSWORD
from tests.support.mailward_server import MailwardServer
from tests.support.talk import Answer, Talk

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MANY = 10_000_000
ENDLESS = {
    "source_failures": MANY,
    "spraying_accounts": MANY,
    "sprayed_accounts": MANY,
    "failures_per_connection": MANY,
}
PER_ACCOUNT = 30  # guesses that an account's budget has room for
NEW = "brown herons wait at dusk"

# What is tried on the accounts of each kind: another wrong password each time, or again and again what would be right.
WRONG = ("unknown", "wrong", "disabled-wrong", "imported", "two")
RIGHT = ("elsewhere", "disabled", "over", "totp")


def populate(server: MailwardServer, accounts_of_a_kind: int) -> None:
    imported = server.directory / "users"
    imported.write_text(
        "".join(f"{name}:{{SSHA}}{ssha(PASSWORD)}\n" for name in names_of("imported", accounts_of_a_kind))
    )
    imported.chmod(0o600)
    done = server.cli("user", "import", str(imported), "--format", "dovecot")
    assert done.returncode == 0, done.stderr
    there = [kind for kind in WRONG + RIGHT if kind not in {"unknown", "imported"}]
    server.add_accounts({name: PASSWORD for kind in there for name in names_of(kind, accounts_of_a_kind)})
    with book(server) as accounts:
        for number in range(accounts_of_a_kind):
            accounts.change(f"elsewhere{number}@example.test", allow_from=["192.0.2.0/24"])
            accounts.change(f"disabled{number}@example.test", disabled=True)
            accounts.change(f"disabled-wrong{number}@example.test", disabled=True)
            accounts.change(f"over{number}@example.test", must_change=True)
            accounts.change(f"totp{number}@example.test", second_factor=True)
            accounts.rotate(f"two{number}@example.test", Secret(NEW))


def names_of(kind: str, count: int) -> list[str]:
    return [f"{kind}{number}@example.test" for number in range(count)]


def timed(talk: Talk, name: str, password: str) -> tuple[float, Answer]:
    line = b"AUTH PLAIN " + b64(f"\0{name}\0{password}")
    begin = time.perf_counter()
    answer = talk.say(line)
    return time.perf_counter() - begin, answer


def samples(server: MailwardServer, kinds: list[str], rounds: range, *, again: bool = False) -> dict[str, list[float]]:
    """Seconds that each kind of failure took, one of every kind in each round, in a new order.

    again: a wrong password comes again until the next account's turn, as a right one does.
    """
    chance = random.Random(rounds.start)
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    heard: set[Answer] = set()
    with Talk(server.ports[IMPLICIT], tls=server.trust) as talk:
        talk.ehlo()
        for number in rounds:
            for kind in chance.sample(kinds, len(kinds)):
                guess = f"the same at {kind}" if again else f"guess {number} at {kind}"
                name = f"{kind}{number // PER_ACCOUNT}@example.test"
                spent, answer = timed(talk, name, PASSWORD if kind in RIGHT else guess)
                seconds[kind].append(spent)
                heard.add(answer)
    assert heard == {FAILED}
    return seconds


def auc(one: list[float], other: list[float]) -> float:
    """How often a value of `one` is the greater: 0.5 when nothing tells them apart."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(rank for rank, (_, which) in enumerate(ranked, 1) if which == 0)
    return (ranks - len(one) * (len(one) + 1) / 2) / (len(one) * len(other))


def told(line: str) -> None:
    """For `pytest -rP`."""
    sys.stdout.write(line + "\n")


def judge(seconds: Mapping[str, list[float]]) -> None:
    """Tells the figures; every pair must be as good as one kind."""
    for kind, values in seconds.items():
        told(f"{kind:15} median {statistics.median(values) * 1000:8.3f} ms of {len(values)}")
    found = {(one, other): auc(seconds[one], seconds[other]) for one, other in combinations(seconds, 2)}
    told(f"AUC { ({' / '.join(pair): round(value, 3) for pair, value in found.items()}) }")
    told_apart = {pair: value for pair, value in found.items() if not 0.4 <= value <= 0.6}
    assert told_apart == {}


def test_the_rank_statistic() -> None:
    """It is 0.5 for what is alike, and 0 or 1 for what is not."""
    assert auc([1.0, 4.0], [2.0, 3.0]) == 0.5
    assert auc([1.0, 2.0], [3.0, 4.0]) == 0.0
    assert auc([3.0, 4.0], [1.0, 2.0]) == 1.0


def test_nothing_shows_without_delays(tmp_path: Path) -> None:
    """With all delays off, what is left is the work: one and the same, whatever is wrong (figure 11)."""
    rounds = 300
    server = MailwardServer(tmp_path, guard=ENDLESS | AT_ONCE | {BUDGET: 32}, accounts={})
    populate(server, rounds // PER_ACCOUNT)
    with server:
        fresh = samples(server, [kind for kind in WRONG if kind != "two"], range(rounds))
        again = samples(server, ["unknown", "wrong", *RIGHT], range(rounds), again=True)
    unknown, wrong = (statistics.median(fresh[kind]) for kind in ("unknown", "wrong"))
    told(f"figure 11: |Δ median| unknown / wrong = {abs(unknown - wrong) * 1000:.3f} ms")
    judge(fresh)
    judge(again)


def test_nothing_shows_behind_the_delay(tmp_path: Path) -> None:
    """With a delay, which is shorter here than the shipped one, nothing shows either: not even two passwords, which
    are two hashes."""
    rounds, held, lanes = 240, 0.15, 3
    delays = {f"delay_{name}": held for name in ("first", "most", "repeated_first", "repeated_most")}
    kinds = ["unknown", "wrong", "elsewhere", "two"]
    server = MailwardServer(tmp_path, guard=ENDLESS | delays | {BUDGET: 32}, accounts={})
    populate(server, rounds // PER_ACCOUNT)
    with server, ThreadPoolExecutor(lanes) as pool:
        parts = [range(first, first + rounds // lanes) for first in range(0, rounds, rounds // lanes)]
        found = list(pool.map(lambda part: samples(server, kinds, part, again=True), parts))
    seconds = {kind: [value for part in found for value in part[kind]] for kind in kinds}
    assert min(map(min, seconds.values())) >= held
    judge(seconds)
