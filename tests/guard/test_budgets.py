"""Who is refused, and by which rule."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mailward.events import Reason
from mailward.guard.ports import OPERATOR
from mailward.guard.settings import GuardSettings
from mailward.guard.verdict import Attempt, Verdict
from mailward.secret import Secret
from tests.guard.doubles import START, Line, World

ANN, BOB = "ann@example.test", "bob@example.test"
DAY = 86_400.0


def _judge(world: World, source: str = "192.0.2.7", account: str = ANN) -> Verdict:
    attempt = world.attempt(source, account)
    verdict = world.guard.judge(attempt)
    world.guard.abandoned(attempt)
    return verdict


def test_an_account_is_closed_to_strangers_until_the_oldest_guess_is_a_day_old() -> None:
    """Ten guesses in any 24 hours: each hour one more source, and the eleventh waits for the first to leave."""
    world = World()
    for hour in range(10):
        assert world.guesses(1, source=f"198.51.{hour}.7") == 1
        world.clock += 3600

    closed = _judge(world)
    assert (closed.refused, closed.until, closed.rule) == (Reason.LOCKED, START + DAY, "account-failures")
    assert closed.strong
    world.clock = START + DAY - 1
    assert world.guesses(1, source="198.51.100.7") == 0
    world.clock = START + DAY
    assert [world.guesses(1, source=f"198.51.100.{number}") for number in range(3)] == [1, 0, 0]
    assert _judge(world).until == START + 3600 + DAY


@pytest.mark.parametrize(
    "address,budget,apart",
    [
        ("192.0.2.{}", 15, "192.0.2.64"),  # a /26
        ("2001:db8:0:{:x}::1", 15, "2001:db8:1::1"),  # a /48
    ],
)
def test_neighbours_have_a_budget_together(address: str, budget: int, apart: str) -> None:
    """Sixty addresses side by side, each on accounts of its own: three times one source's budget, then the network
    is refused for those it is a stranger to."""
    world = World()
    assert world.login(address.format(61))
    checked = sum(world.guesses(1, address.format(number), f"user{number}@example.test") for number in range(1, 60))

    assert checked == budget
    refused = _judge(world, address.format(62), BOB)
    assert (refused.refused, refused.strong, refused.rule.split(":")[0]) == (Reason.NETWORK, True, "ring")
    assert refused.until is not None
    assert world.guesses(1, apart) == 1
    assert world.login(address.format(61))
    assert not world.login(address.format(61), BOB)
    world.clock = refused.until
    assert world.login(address.format(62), BOB)


def test_the_outer_ring_holds_as_well() -> None:
    """Two thousand addresses of a /21, sparse enough for each /26: nine times one source's budget an hour."""
    world = World()
    checked = sum(
        world.guesses(1, f"192.0.{number % 8}.{number * 7 % 256}", f"user{number}@example.test")
        for number in range(400)
    )

    assert checked == 45


def test_64_neighbours_at_once_get_the_rings_budget() -> None:
    """Guesses under way count for the network as well."""
    world = World()
    attempts = [world.attempt(f"192.0.2.{number}", f"user{number}@example.test") for number in range(64)]

    verdicts = [world.guard.judge(attempt) for attempt in attempts]
    assert sum(verdict.refused is None for verdict in verdicts) == 15
    for attempt in attempts:
        world.guard.abandoned(attempt)
    assert len(world.state.scores) == len(world.state.ledgers) == 0


def test_a_proxy_is_never_banned() -> None:
    """Nothing counts on a source in `never_ban`; the accounts' budgets hold behind it, and so do the delays."""
    world = World(never_ban=("192.0.2.0/24",))
    ends = [world.guesses(20, account=f"user{number}@example.test") for number in range(8)]

    assert ends == [10] * 8
    assert all(subject.startswith("account:") for subject in world.bans.bans)
    assert _judge(world).refused is None
    for number in range(5):
        end = world.guess(f"wrong {number}", account="new@example.test")
        assert not isinstance(end, Reason)
        assert end.delay == 8.0
    assert [world.guard.failed(world.attempt(), None, Reason.CANCELLED).events for _ in range(20)] == [()] * 20


def test_a_source_that_many_share_has_a_larger_budget() -> None:
    """One failure more for each further account that logs in there, up to twenty; its networks are left alone."""
    for accounts, budget in ((0, 5), (1, 5), (2, 6), (11, 15), (50, 25)):
        world = World()
        assert all(world.login(account=f"member{number}@example.test") for number in range(accounts))
        checked = sum(world.guesses(1, account=f"other{number}@example.test") for number in range(60))
        assert checked == budget
        assert world.guesses(1, source="192.0.2.8") == 1


def test_while_passwords_are_sprayed_a_stranger_has_one_guess() -> None:
    """Not a ban: it ends with the hour. Known sources and shared ones go on as before."""
    world = World(settings=GuardSettings(spraying_accounts=30))
    assert world.login("203.0.113.9")
    assert world.login("203.0.113.8", ANN)
    assert world.login("203.0.113.8", BOB)
    for number in range(60):
        world.guesses(1, f"198.{number}.100.7", f"user{number}@example.test")

    assert world.guesses(5, "192.0.2.7", "new@example.test") == 1
    refused = _judge(world, "192.0.2.7", "new@example.test")
    assert (refused.refused, refused.rule, refused.strong) == (Reason.BANNED, "spraying", True)
    assert world.bans.bans == {}
    assert world.guesses(3, "203.0.113.9") == 3
    assert world.guesses(5, "203.0.113.8", "new@example.test") == 2
    world.clock += world.settings.spraying_for
    assert world.guesses(1, "192.0.2.9", "new@example.test") == 1


def test_the_operators_ban_holds_for_everybody() -> None:
    """A known source too, and whatever the credential."""
    for subject, reason in (("ip:192.0.2.7", Reason.BANNED), (f"account:{ANN}", Reason.LOCKED)):
        world = World()
        assert world.login()
        world.bans.lines[subject] = Line(START + 60, OPERATOR)
        verdict = _judge(world)
        assert (verdict.refused, verdict.rule, verdict.strong, verdict.until) == (reason, "operator", False, START + 60)
        world.clock += 60
        assert world.login()


def test_a_lost_state_leaves_the_book() -> None:
    """The bans that the operator sees hold although the state file is gone."""
    world = World()
    world.guesses(5)
    for number in range(10):
        world.guesses(1, f"198.51.{number}.7", BOB)
    fresh = World()
    fresh.bans.bans = dict(world.bans.bans)

    assert _judge(fresh).refused is Reason.BANNED
    assert _judge(fresh, "203.0.113.1", BOB).refused is Reason.LOCKED


def test_who_meets_a_closed_door_costs_no_record() -> None:
    """A hundred thousand addresses that only ever hear a refusal leave nothing behind."""
    world = World()
    for number in range(10):
        world.guesses(1, f"198.51.{number}.7")
    before = len(world.state.scores)
    for number in range(2000):
        assert _judge(world, f"10.0.{number // 250}.{number % 250}").refused is Reason.LOCKED

    assert len(world.state.scores) == before


class Ladder(RuleBasedStateMachine):
    """Attempts that overlap in any order, sources that are known or not, clocks that move, workers that die."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(settings=GuardSettings(spraying_accounts=1000))
        self.known = {(f"203.0.113.{number}", f"user{number}@example.test") for number in range(2)}
        for source, account in self.known:
            assert self.world.login(source, account)
        self.open: list[Attempt] = []
        self.by_account: dict[str, list[float]] = defaultdict(list)
        self.by_source: dict[str, list[float]] = defaultdict(list)
        self.guesses = 0

    @rule(source=st.integers(0, 30), account=st.integers(0, 2))
    def a_stranger_begins(self, source: int, account: int) -> None:
        attempt = self.world.attempt(f"198.51.100.{source * 8}", f"user{account}@example.test")
        if self.world.guard.judge(attempt).refused is None:
            self.open.append(attempt)

    @rule(number=st.integers(0, 50), new=st.booleans())
    def one_fails(self, number: int, new: bool) -> None:
        if not self.open:
            return
        attempt = self.open.pop(number % len(self.open))
        self.guesses += new
        failure = self.world.guard.failed(attempt, Secret(f"wrong {self.guesses}"), Reason.BAD_PASSWORD)
        if not failure.repeated:
            self.by_account[attempt.account].append(self.world.clock)
            self.by_source[str(attempt.source)].append(self.world.clock)

    @rule(number=st.integers(0, 50))
    def one_is_abandoned(self, number: int) -> None:
        if self.open:
            self.world.guard.abandoned(self.open.pop(number % len(self.open)))

    @rule()
    def the_worker_dies(self) -> None:
        """What it held is free after two minutes."""
        self.open.clear()
        self.world.guard._open.clear()
        self.world.clock += 120
        assert all(
            self.world.state.ledgers.of(f"account:user{number}@example.test", now=self.world.clock, window=DAY).held()
            == 0
            for number in range(3)
        )

    @rule(seconds=st.sampled_from([0.5, 59.0, 700.0, 1800.0, 3600.0, 50_000.0]))
    def time_passes(self, seconds: float) -> None:
        if not self.open:  # a guess that takes longer than a minute is a dead worker's
            self.world.clock += seconds

    @invariant()
    def nobody_has_more_than_the_budget(self) -> None:
        now = self.world.clock
        for times in self.by_account.values():
            assert sum(time > now - DAY for time in times) <= 10
        for times in self.by_source.values():
            assert sum(time > now - 3600 for time in times) <= 10

    @invariant()
    def the_known_are_never_refused(self) -> None:
        """Whatever others do; the guess that this looks with is given back."""
        for source, account in self.known:
            assert _judge(self.world, source, account).refused is None


TestLadder = Ladder.TestCase
TestLadder.settings = hypothesis_settings(max_examples=60, stateful_step_count=60, deadline=None)


def test_a_clock_that_was_ahead_shuts_nobody_out_for_longer_than_a_ban() -> None:
    """What was written a year ahead of time counts as written now, once the clock is right again."""
    world = World()
    world.clock += 400 * DAY
    for number in range(3):
        world.guesses(5, f"203.0.{number}.7")
    world.clock = START
    assert world.guess("x", "198.51.100.1") == Reason.LOCKED
    assert world.guess("x", "203.0.1.7", "ben@example.test") == Reason.BANNED

    world.clock += 1.2 * DAY
    assert world.guesses(20, "198.51.100.1") == 5
    assert world.guesses(20, "203.0.1.7", "ben@example.test") == 5
