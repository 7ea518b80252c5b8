"""What is written down after a login."""

from __future__ import annotations

from mailward.events import BanAdded, GuardMode, Reason
from mailward.guard.settings import GuardSettings
from mailward.guard.verdict import Failure
from mailward.secret import Secret
from tests.guard.doubles import START, World

ANN, BOB = "ann@example.test", "bob@example.test"
DAY = 86_400.0


def test_bans_grow() -> None:
    """Each twice as long as the one before, at most a day, until thirty days have passed without one."""
    world = World()
    lengths = []
    for number in range(9):
        assert world.guesses(9, account=f"user{number}@example.test") == 5
        until = world.bans.bans["ip:192.0.2.7"]
        lengths.append((until - world.clock) / 60)
        world.clock = until
    assert lengths == [30, 60, 120, 240, 480, 960, 1440, 1440, 1440]
    assert world.bans.times["ip:192.0.2.7"] == 9

    world.clock += world.settings.ban_remembered
    world.guesses(5, account=BOB)
    assert world.bans.bans["ip:192.0.2.7"] == world.clock + 1800


def test_a_source_has_ten_failures_an_hour_at_the_most() -> None:
    """Whatever it does with its bans, and whatever hour one looks at."""
    world, times = World(), []
    for minute in range(600):
        checked = world.guesses(3, account=f"user{minute}@example.test")
        times += [world.clock] * checked
        world.clock += 60

    assert all(sum(start <= time < start + 3600 for time in times) <= 10 for start in times)


def test_chance_makes_a_ban_longer() -> None:
    """Up to a tenth, never shorter."""
    settings = GuardSettings()

    assert [settings.ban_for(1, chance) for chance in (0.0, 0.5)] == [1800, 1890]
    assert [settings.ban_for(times, 0.0) for times in (2, 3, 255)] == [3600, 7200, DAY]


def test_an_account_that_is_closed_is_in_the_book() -> None:
    """With its end, so that the operator sees it, and told as an event; outsiders close nothing there."""
    world = World()
    ends = [world.guess(f"wrong {number}", f"198.51.{number}.7") for number in range(10)]
    events = [event for end in ends if isinstance(end, Failure) for event in end.events]

    assert world.bans.bans == {f"account:{ANN}": START + DAY}
    assert [(type(event), event.reason) for event in events] == [(BanAdded, "account-failures")]


def test_a_lifted_account_is_open_at_once() -> None:
    """With all its guesses; the line in the book goes."""
    world = World()
    for number in range(20):
        world.guesses(1, f"198.51.{number}.7")
    world.bans.lift(f"account:{ANN}")

    assert sum(world.guesses(1, f"198.51.{number}.7") for number in range(100, 120)) == 10
    assert world.bans.lines == {}


def test_an_old_password_never_counts() -> None:
    """Of the account itself, seen or proved not to be the current one: answered as late as any, and counted nowhere."""
    world = World()
    for number in range(30):
        for password in (Secret(f"old {number}"), None):
            attempt = world.attempt()
            assert world.guard.judge(attempt).refused is None
            failure = world.guard.failed(attempt, password, Reason.STALE)
            assert failure.events == ()
            assert failure.delay > 0

    assert world.bans.bans == {}
    assert world.guesses(9) == 5


def test_an_old_password_is_answered_as_late_as_a_wrong_one() -> None:
    """Nobody learns from the time that it once was right."""
    delays = []
    for reason in (Reason.STALE, Reason.BAD_PASSWORD):
        world = World()
        ends = [world.guess(text, reason=reason) for text in ("a", "b", "b", "c", "a")]
        delays.append([end.delay for end in ends if isinstance(end, Failure)])

    assert delays[0] == delays[1]


def test_a_tag_stands_for_the_password() -> None:
    """Where only a truncated hash is known, the same hash is the same password."""
    world = World()
    failures = []
    for tag in ("f00", "f00", "ba1", "f00"):
        attempt = world.attempt()
        assert world.guard.judge(attempt).refused is None
        failures.append(world.guard.failed(attempt, None, Reason.BAD_PASSWORD, tag=tag))

    assert [failure.repeated for failure in failures] == [False, True, False, True]


def test_a_password_that_is_tried_on_five_accounts_is_sprayed() -> None:
    """From then on a stranger is refused with it, without a look; a known source is not."""
    world = World()
    assert world.login("203.0.113.9")
    for number in range(5):
        attempt = world.attempt("192.0.2.7", BOB)
        assert not world.guard.sprayed(attempt, Secret("Summer2024!"))
        world.guess("Summer2024!", f"198.{number}.100.7", f"user{number}@example.test")

    assert world.guard.sprayed(world.attempt("192.0.2.7", BOB), Secret("Summer2024!"))
    assert world.guard.sprayed(world.attempt("192.0.2.7", "nobody@example.test"), Secret("Summer2024!"))
    assert not world.guard.sprayed(world.attempt("192.0.2.7", BOB), Secret("Winter2024!"))
    assert not world.guard.sprayed(world.attempt("192.0.2.7", BOB), None)
    assert not world.guard.sprayed(world.attempt("203.0.113.9", ANN), Secret("Summer2024!"))


def test_a_telephone_sprays_nothing() -> None:
    """The same wrong password on one account a hundred times is one account."""
    world = World()
    for _ in range(100):
        world.guess("an old one")

    assert not world.guard.sprayed(world.attempt("192.0.2.8", BOB), Secret("an old one"))


def test_a_sprayed_password_uses_up_no_guess_of_the_account() -> None:
    """It was not looked at; but its source pays."""
    world = World()
    for number in range(20):
        world.guess(f"sprayed {number}", f"198.{number}.100.7", reason=Reason.SPRAYED)
    assert f"account:{ANN}" not in world.bans.bans

    for number in range(9):
        world.guess(f"sprayed {number}", account=f"user{number}@example.test", reason=Reason.SPRAYED)
    assert "ip:192.0.2.7" in world.bans.bans


def test_the_mode_is_told_when_it_begins_and_when_it_ends() -> None:
    """Once each."""
    world = World(settings=GuardSettings(spraying_accounts=30))
    modes: list[object] = []
    for number in range(60):
        end = world.guess("x", f"198.{number}.100.7", f"user{number}@example.test")
        assert isinstance(end, Failure)
        modes += [event for event in end.events if isinstance(event, GuardMode)]
    world.guard.sweep(modes.append)
    world.clock += world.settings.spraying_for
    world.guard.sweep(modes.append)
    world.guard.sweep(modes.append)

    assert [(mode.mode, mode.on) for mode in modes if isinstance(mode, GuardMode)] == [
        ("spraying", True),
        ("spraying", False),
    ]


def test_a_shared_source_is_not_banned_for_one_member() -> None:
    """Five wrong passwords of ann in the office: to her account it is a stranger, her colleagues' guests are let in."""
    world = World()
    members = [f"member{number}@example.test" for number in range(3)]
    assert all(world.login(account=account) for account in (ANN, *members))

    assert world.guesses(5) == 5
    assert world.bans.bans == {}
    assert (ANN, "ip:192.0.2.7") not in world.known.pairs
    assert all(world.login(account=account) for account in members)
    assert world.login(account="new@example.test")


def test_success_forgives_the_networks_too() -> None:
    """A user who mistypes every morning does not use up what the neighbours have."""
    world = World()
    for _ in range(30):
        assert world.guesses(4) == 4
        assert world.login()
        world.known.pairs.clear()

    assert world.guesses(4, source="192.0.2.9") == 4
    assert world.bans.bans == {}


def test_a_strong_credential_gets_in_where_others_are_refused() -> None:
    """From an address that the account does not know, while it is closed to strangers; then it is known there."""
    world = World()
    for number in range(10):
        world.guesses(1, f"198.51.{number}.7")
    attempt = world.attempt()
    verdict = world.guard.judge(attempt)
    assert (verdict.refused, verdict.strong) == (Reason.LOCKED, True)
    world.guard.succeeded(attempt, strong=True)

    assert world.login()
    assert world.guesses(1, "203.0.113.1") == 0
