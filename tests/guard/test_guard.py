"""The one place that decides about a login, as tables of what people do."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.events import BanAdded, BanRemoved, GuardMode, Reason
from mailward.guard.settings import GuardSettings
from mailward.guard.verdict import Attempt, Failure, Verdict
from mailward.secret import Secret
from tests.guard.doubles import START, World

CANARY = "canary-c2VjcmV0-horse"


def _subject(event: BanAdded | BanRemoved | GuardMode) -> str:
    assert not isinstance(event, GuardMode)
    return event.subject


def test_the_ladder() -> None:
    """Wrong passwords of one source are answered later and later, then refused unheard until the ban ends."""
    world = World()

    ends = [world.guess(f"wrong {number}") for number in range(7)]

    failures = [end for end in ends if isinstance(end, Failure)]
    assert [failure.delay for failure in failures] == [0.5, 1, 2, 4, 8]
    assert ends[5:] == [Reason.BANNED, Reason.BANNED]
    assert [len(failure.events) for failure in failures] == [0, 0, 0, 0, 1]
    assert [(_subject(event), event.reason) for event in failures[-1].events] == [("ip:192.0.2.7", "source-failures")]


def test_a_refusal_says_until_when() -> None:
    """The verdict of a banned source carries the end of the ban and a growing delay."""
    world = World()
    world.guesses(5)

    verdicts = [world.guard.judge(world.attempt()) for _ in range(2)]

    until = START + world.settings.ban
    assert verdicts[0] == Verdict(refused=Reason.BANNED, until=until, delay=8.0, strong=True, rule="source-failures")
    assert verdicts[1].delay == 8.0


def test_a_refusal_of_one_who_did_nothing_is_quick() -> None:
    """Who meets an account that others have locked waits no longer than after one typing error."""
    world = World()
    for number in range(10):
        world.guess(f"wrong {number}", source=f"198.51.100.{number}")

    verdict = world.guard.judge(world.attempt())

    assert verdict.refused is Reason.LOCKED
    assert verdict.delay == 0.5


def test_after_the_ban_the_budget_is_whole() -> None:
    """A ban ends by itself; then it is five guesses again."""
    world = World()

    assert world.guesses(9) == 5
    world.clock += world.settings.ban - 0.1
    assert world.guesses(9) == 0
    world.clock += 0.1
    assert world.guesses(9) == 5


def test_old_failures_are_forgotten() -> None:
    """Four failures and then a window of silence: the row begins anew."""
    world = World()
    world.guesses(4)
    world.clock += world.settings.window * 16 / 15
    end = world.guess("another")

    assert isinstance(end, Failure)
    assert end.delay == 0.5
    assert world.guesses(9) == 4


def test_a_success_is_never_delayed() -> None:
    """The verdict that lets through holds nothing back, however many failures came before."""
    world = World()
    world.guesses(4)

    assert world.guard.judge(world.attempt()) == Verdict()


def test_64_parallel_attempts_get_the_budget() -> None:
    """As many connections as you like have five guesses together, not five each."""
    world = World()
    attempts = [world.attempt() for _ in range(64)]

    verdicts = [world.guard.judge(attempt) for attempt in attempts]

    let_through = [attempt for attempt, verdict in zip(attempts, verdicts, strict=True) if verdict.refused is None]
    waiting = [verdict for verdict in verdicts if verdict.refused is not None]
    assert len(let_through) == 5
    assert {(verdict.refused, verdict.again) for verdict in waiting} == {(Reason.BUSY, 0.05)}
    for number, attempt in enumerate(let_through):
        world.guard.failed(attempt, Secret(f"wrong {number}"), Reason.BAD_PASSWORD)
    assert {world.guard.judge(attempt).refused for attempt in attempts} == {Reason.BANNED}


def test_64_sources_in_parallel_get_the_budget_of_the_account() -> None:
    """The same from 64 addresses on one account: ten guesses together."""
    world = World()
    attempts = [world.attempt(f"198.51.100.{number}") for number in range(64)]

    let_through = [attempt for attempt in attempts if world.guard.judge(attempt).refused is None]

    assert len(let_through) == 10
    events = [
        event
        for number, attempt in enumerate(let_through)
        for event in world.guard.failed(attempt, Secret(f"wrong {number}"), Reason.BAD_PASSWORD).events
    ]
    assert [_subject(event) for event in events] == ["account:ann@example.test"]
    assert {world.guard.judge(attempt).refused for attempt in attempts} == {Reason.LOCKED}


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2), st.booleans()), max_size=120))
def test_no_order_of_guesses_beats_the_budgets(steps: list[tuple[int, int, bool]]) -> None:
    """However attempts of many sources on many accounts overlap, no source and no account gives one guess more."""
    world = World(settings=GuardSettings(source_failures=3, distinct_wrong_passwords_per_account=5))
    under_way: list[Attempt] = []
    checked: Counter[str] = Counter()
    for source, account, finish in steps:
        if finish and under_way:
            done = under_way.pop(0)
            world.guard.failed(done, Secret(done.session), Reason.BAD_PASSWORD)
            continue
        attempt = world.attempt(f"192.0.2.{source}", f"user{account}@example.test")
        if world.guard.judge(attempt).refused is None:
            under_way.append(attempt)
            checked.update((str(attempt.source), attempt.account))

    assert all(number <= (5 if "@" in who else 3) for who, number in checked.items())


def test_parallel_right_passwords_all_get_in() -> None:
    """A program that opens 64 connections at once waits its turn; nothing of it is counted."""
    world = World()
    waiting = [world.attempt() for _ in range(64)]
    inside = 0
    while waiting:
        turn = [attempt for attempt in waiting if world.guard.judge(attempt).refused is None]
        for attempt in turn:
            world.guard.succeeded(attempt)
        inside += len(turn)
        waiting = [attempt for attempt in waiting if attempt not in turn]

    assert inside == 64


def test_an_abandoned_attempt_gives_its_guess_back() -> None:
    """Cancelled, lost, or judged anew: no guess is held twice or for ever."""
    world = World()
    for _ in range(100):
        attempt = world.attempt()
        assert world.guard.judge(attempt) == Verdict()
        assert world.guard.judge(attempt) == Verdict()
        world.guard.abandoned(attempt)
        world.guard.abandoned(attempt)

    assert world.guesses(9) == 5
    assert len(world.guard._open) == 0


def test_the_same_wrong_password_counts_once() -> None:
    """A telephone with an old password is answered late for ever, and locks nobody out."""
    world = World()

    ends = [world.guess("the old one") for _ in range(50)]

    failures = [end for end in ends if isinstance(end, Failure)]
    assert len(failures) == 50
    assert [failure.repeated for failure in failures[:3]] == [False, True, True]
    assert [failure.delay for failure in failures[:6]] == [0.5, 2, 4, 8, 15, 15]
    assert world.login()


def test_the_same_password_on_many_accounts_counts_each_time() -> None:
    """Spraying: the tag is of the account, so five accounts are the source's budget."""
    world = World()

    ends = [world.guess("Summer2024!", account=f"user{number}@example.test") for number in range(7)]

    assert sum(isinstance(end, Failure) for end in ends) == 5


def test_a_hidden_wrong_password_counts_each_time() -> None:
    """SCRAM does not show whether it is the same again."""
    world = World()
    checked = 0
    for _ in range(9):
        attempt = world.attempt()
        if world.guard.judge(attempt).refused is None:
            world.guard.failed(attempt, None, Reason.BAD_PASSWORD)
            checked += 1

    assert checked == 5


def test_a_broken_exchange_is_no_guess() -> None:
    """No password: it is answered late; after three in a row it counts on its source, never on the account."""
    world = World()
    ends = [_broken_off(world) for _ in range(20)]

    failures = [end for end in ends if isinstance(end, Failure)]
    assert [end.delay for end in failures] == [0.5, 1, 2, 4, 8, 8, 8, 8]
    assert [_subject(event) for end in failures for event in end.events] == ["ip:192.0.2.7"]
    assert ends[8:] == [Reason.BANNED] * 12
    assert world.guesses(20, source="192.0.2.8") == 5
    assert "account:ann@example.test" not in world.bans.bans


def _broken_off(world: World, source: str = "192.0.2.7", account: str = "ann@example.test") -> Failure | Reason:
    attempt = world.attempt(source, account)
    refused = world.guard.judge(attempt).refused
    return refused or world.guard.failed(attempt, None, Reason.ABANDONED)


def test_no_number_of_sources_spends_an_account_with_broken_exchanges() -> None:
    """Exchanges that come to nothing leave every guess of the account to those who make one."""
    world = World()
    for number in range(64):
        for _ in range(20):
            _broken_off(world, f"198.51.100.{number}")

    assert len(world.bans.bans) == 64
    assert all(subject.startswith("ip:") for subject in world.bans.bans)
    assert world.guesses(5) == 5


def test_a_neighbour_that_breaks_off_makes_nobody_a_stranger() -> None:
    """Exchanges broken off behind one address ban it for strangers; who is known there still gets in."""
    world = World()
    assert world.login()
    for _ in range(20):
        _broken_off(world)

    assert "ip:192.0.2.7" in world.bans.bans
    assert world.login()
    assert world.guess("x", account="bob@example.test") is Reason.BANNED


def test_a_broken_exchange_that_named_nobody_is_struck_and_makes_no_ban_longer() -> None:
    """Rubbish before a name counts on its source like the rest, without asking `judge`; a banned source is left so."""
    world = World()
    delays = []
    for _ in range(30):
        delays.append(world.guard.failed(world.attempt(account=""), None, Reason.CANCELLED).delay)
        world.clock += 1

    assert delays[:6] == [0.5, 1, 2, 4, 8, 8]
    assert world.bans.bans == {"ip:192.0.2.7": START + 7 + world.settings.ban}
    assert len(world.state.ledgers) == 0


def test_a_login_ends_the_row_of_slips() -> None:
    """A client that stumbles three times and then logs in begins anew."""
    world = World()
    for _ in range(10):
        assert [isinstance(_broken_off(world), Failure) for _ in range(3)] == [True] * 3
        assert world.login()

    assert world.bans.bans == {}


def test_a_heard_password_counts_whatever_else_was_wrong() -> None:
    """A right password with an identity it may not take ends as a wrong one does, or it would be told apart."""
    world = World()

    ends = [world.guess(f"wrong {number}", reason=Reason.BAD_EXCHANGE) for number in range(7)]

    assert sum(isinstance(end, Failure) for end in ends) == 5


def test_unknown_accounts_are_treated_alike() -> None:
    """Ladder, bans and their times are the same for an account that does not exist."""
    worlds = World(), World()
    reasons = Reason.BAD_PASSWORD, Reason.UNKNOWN_ACCOUNT

    told = [
        [
            (end.delay, end.repeated, len(end.events)) if isinstance(end, Failure) else end
            for number in range(30)
            for end in [world.guess(f"wrong {number % 20}", source=f"198.51.100.{number % 3}", reason=reason)]
        ]
        for world, reason in zip(worlds, reasons, strict=True)
    ]

    assert told[0] == told[1]
    assert Reason.LOCKED in told[0]


def test_a_distributed_attack_does_not_lock_out_the_known() -> None:
    """Ten guesses from ten addresses lock the account for strangers; its owner, where she was before, gets in."""
    world = World()
    assert world.login("203.0.113.1")
    assert world.login("2001:db8::1")

    checked = sum(world.guesses(1, source=f"198.51.100.{number}") for number in range(200))

    assert checked == 10
    assert world.login("203.0.113.1")
    assert world.login("2001:db8::ffff:1")
    assert not world.login("203.0.113.2")


def test_a_known_source_keeps_its_way_in_when_neighbours_guess() -> None:
    """An office behind one address: one machine guesses at strangers' accounts and is banned, ann works on."""
    world = World()
    assert world.login(account="ann@example.test")

    assert world.guesses(9, account="bob@example.test") == 5
    assert world.guess("x", account="carl@example.test") is Reason.BANNED
    assert world.login(account="ann@example.test")


def test_a_known_source_has_a_budget_of_its_own() -> None:
    """Wrong passwords from where ann was before: five, then that source is a stranger, and banned."""
    world = World()
    assert world.login()

    assert world.guesses(9) == 5
    assert not world.login()
    assert world.bans.bans.keys() == {"ip:192.0.2.7"}
    assert world.known.pairs == {}


def test_a_known_source_under_ban_has_five_guesses_and_no_more() -> None:
    """The way in that a ban leaves open is no way to guess: each known account gives five, once."""
    world = World()
    names = [f"user{number}@example.test" for number in range(4)]
    assert all(world.login(account=name) for name in names)
    assert world.guesses(9, account="stranger@example.test") == 8

    assert [world.guesses(9, account=name) for name in names] == [5, 5, 5, 5]
    assert [world.guesses(9, account=name) for name in names] == [0, 0, 0, 0]


def test_parallel_guesses_from_a_known_source_get_its_budget() -> None:
    """The guesses of a known source are counted in flight as well."""
    world = World()
    assert world.login()

    verdicts = [world.guard.judge(world.attempt()) for _ in range(64)]

    assert sum(verdict.refused is None for verdict in verdicts) == 5


def test_a_source_is_known_for_thirty_days() -> None:
    """Thirty days after its last login it is a stranger."""
    world = World()
    assert world.login()
    for days, known in ((29.9, True), (30.1, False)):
        world.clock += days * 86_400
        for number in range(10):
            world.guesses(1, source=f"198.51.100.{number}")
        assert world.login() is known


def test_success_forgives_that_account_only() -> None:
    """One's own account buys no guesses at the others."""
    world = World()
    assert world.guesses(2, account="victim@example.test") == 2
    for _ in range(10):
        world.guess("typing error", account="mine@example.test")
        assert world.login(account="mine@example.test")

    assert world.guesses(9, account="victim@example.test") == 3


def test_success_forgives_the_failures_before_it() -> None:
    """Four typing errors, then right: the next error is the first again, for the source and for the account."""
    world = World()
    world.guesses(4)
    assert world.login()
    end = world.guess("wrong again")

    assert isinstance(end, Failure)
    assert end.delay == 0.5
    assert sum(world.guesses(1, source=f"198.51.100.{number}") for number in range(20)) == 10


def test_ipv6_is_counted_by_64() -> None:
    """A new address of the same /64 is the same source."""
    world = World()

    checked = sum(world.guesses(1, source=f"2001:db8::{number:x}") for number in range(1, 20))

    assert checked == 5
    assert world.bans.bans.keys() == {"ip:2001:db8::/64"}
    assert world.guesses(1, source="2001:db8:0:1::1") == 1


def test_v4_mapped_is_the_same_source() -> None:
    """Coming over an IPv6 socket makes nobody new."""
    world = World()

    assert world.guesses(3, source="192.0.2.7") == 3
    assert world.guesses(9, source="::ffff:192.0.2.7") == 2


def test_outside_the_allowlist_fails_like_a_wrong_password() -> None:
    """Same ladder, same ban, same repeats: only the reason that was told inside is another."""
    told = []
    for world in (World(), World(allow=("10.0.0.0/8",))):
        ends = [world.guess(f"wrong {number // 2}") for number in range(12)]
        told.append([(end.delay, end.repeated, len(end.events)) if isinstance(end, Failure) else end for end in ends])

    assert told[0] == told[1]


def test_outsiders_meet_a_locked_account_too() -> None:
    """Ten guesses from ten outside addresses, and the next is refused as it would be inside."""
    world = World(allow=("10.0.0.0/8",))

    ends = [world.guess(f"wrong {number}", source=f"198.51.100.{number}") for number in range(12)]

    assert [isinstance(end, Failure) for end in ends] == [True] * 10 + [False] * 2
    assert ends[10] is Reason.LOCKED
    world.clock += world.settings.account_window
    assert isinstance(world.guess("x", source="198.51.100.99"), Failure)


def test_outsiders_lock_nobody_out() -> None:
    """Whatever is guessed from outside, those inside have all their guesses."""
    world = World(allow=("10.0.0.0/8",))
    for number in range(50):
        world.guess(f"wrong {number}", source=f"198.51.100.{number}")

    assert world.bans.bans == {}
    assert world.login("10.1.1.1")


def test_an_outsider_cannot_succeed() -> None:
    """The right password from outside must end as a failure; a caller that says otherwise is stopped."""
    world = World(allow=("10.0.0.0/8",))
    attempt = world.attempt()

    assert world.guard.judge(attempt).allowed is False
    with pytest.raises(ValueError, match="outside the allowlist"):
        world.guard.succeeded(attempt)
    assert world.known.pairs == {}


def test_a_source_once_known_and_now_outside_is_an_outsider() -> None:
    """The allowlist goes before everything a source ever did."""
    world = World(allow=("10.0.0.0/8",))
    world.known.saw("ann@example.test", "ip:192.0.2.7", now=world.clock)

    assert not world.login()
    assert world.guesses(9) == 5


def test_nameless_attempts_count_on_the_source() -> None:
    """A name that can be no account's locks nothing but its source."""
    world = World()

    assert world.guesses(9, account="") == 5
    assert world.bans.bans.keys() == {"ip:192.0.2.7"}


def test_a_lifted_ban_is_lifted_at_once() -> None:
    """The book is asked each time: what an operator takes out of it is over, with a whole budget."""
    world = World()
    world.guesses(5)
    world.bans.lift("ip:192.0.2.7")

    assert world.guesses(9) == 5
    assert world.bans.times["ip:192.0.2.7"] == 1


def test_an_ended_ban_is_told_once() -> None:
    """The sweep tells each ban that ended, with the reason expired."""
    world = World()
    world.guesses(5)
    told: list[BanRemoved | GuardMode] = []
    world.guard.sweep(told.append)
    assert told == []

    world.clock += world.settings.ban
    world.guard.sweep(told.append)
    world.guard.sweep(told.append)

    assert [(_subject(event), event.reason) for event in told] == [("ip:192.0.2.7", "expired")]


def test_the_sweep_forgets_old_known_sources() -> None:
    """What is kept of who logged in where does not grow for ever."""
    world = World()
    assert world.login()
    world.clock += world.settings.known_for + 1
    world.guard.sweep(lambda _event: None)

    assert world.known.pairs == {}


def test_a_ban_tells_its_story() -> None:
    """The event has all the keys of the login that caused it."""
    world = World()
    world.guesses(4)
    end = world.guess("the fifth")

    assert isinstance(end, Failure)
    (event,) = end.events
    assert isinstance(event, BanAdded)
    assert (event.source, event.account, event.mechanism) == ("192.0.2.7", "ann@example.test", "PLAIN")
    assert (event.listener, event.session) == ("127.0.0.1:5465", "s5")
    assert event.time.timestamp() == START
    assert event.until == START + world.settings.ban


def test_good_logins_leave_nothing_behind() -> None:
    """Memory is for those who failed."""
    world = World()
    for number in range(20):
        assert world.login(f"192.0.2.{number}")

    assert len(world.state.scores) == len(world.state.ledgers) == len(world.guard._open) == 0


def test_no_password_is_kept_or_shown() -> None:
    """Neither answers nor what is remembered hold a trace of the password."""
    world = World()
    end = world.guess(CANARY)

    seen = repr((end, vars(world.guard), world.state._buffer[:]))
    assert CANARY not in seen
    assert CANARY.encode().hex() not in seen
