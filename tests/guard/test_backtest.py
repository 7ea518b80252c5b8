"""A policy tried on recorded logins."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from mailward.events import LoginFailed, LoginRefused, LoginSucceeded, Reason
from mailward.guard.allowlist import Networks
from mailward.guard.backtest import Backtest, Looked, Recorded, Report, Tally
from mailward.guard.settings import GuardSettings
from tests.guard.doubles import EVERYONE, AllowRule, keys

ANN = "ann@example.test"
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)


def failed(
    second: float,
    source: str = "203.0.113.7",
    account: str | None = ANN,
    *,
    reason: str = "bad-password",
    repeated: bool = False,
) -> LoginFailed:
    time = BEGIN + timedelta(seconds=second)
    return LoginFailed(time=time, source=source, account=account, mechanism="PLAIN", reason=reason, repeated=repeated)


def refused(second: float, source: str = "203.0.113.7", reason: str = "banned") -> LoginRefused:
    return LoginRefused(time=BEGIN + timedelta(seconds=second), source=source, account=ANN, reason=reason)


def succeeded(second: float, source: str, account: str = ANN, credential: str = "password") -> LoginSucceeded:
    time = BEGIN + timedelta(seconds=second)
    return LoginSucceeded(time=time, source=source, account=account, credential=credential)


def played(
    events: Iterable[Recorded],
    *,
    allow: tuple[str, ...] = EVERYONE,
    never: tuple[str, ...] = (),
    settings: GuardSettings | None = None,
) -> Report:
    access = AllowRule(Networks.parse(allow))
    never_ban = Networks.parse(never)
    backtest = Backtest(settings or GuardSettings(), access, never_ban=never_ban, key_source=keys())
    for event in events:
        backtest.meet(event)
    return backtest.report()


def test_a_brute_force() -> None:
    """A thousand recorded guesses of one address: five a ban are looked at, the rest is refused."""
    report = played(failed(n) for n in range(1000))

    assert (report.events, report.guesses, report.looked_at) == (1000, 1000, 5)
    assert report.refused == {"source-failures": 995}
    assert report.sources == (("203.0.113.7", 995),)
    assert report.accounts == ((ANN, 995),)
    assert report.worst == (ANN, 5)
    assert report.bans == 1


def test_many_addresses_on_one_account() -> None:
    """The account's budget, not the addresses', is what they meet; other figures give another answer."""
    events = [failed(n * 60, f"203.{n}.113.7") for n in range(200)]

    assert played(events).looked_at == 10
    assert played(events).refused == {"account-failures": 190}
    assert played(events, settings=GuardSettings(distinct_wrong_passwords_per_account=3)).worst == (ANN, 3)


def test_a_known_address_keeps_its_way_in() -> None:
    """What succeeded in the record before makes an address known; a stranger's right login is told as refused."""
    attack = [failed(100 + n, f"203.{n}.113.7") for n in range(50)]
    events: list[Recorded] = [
        succeeded(0, "192.0.2.7"),
        *attack,
        succeeded(300, "192.0.2.7"),
        succeeded(301, "198.51.100.9"),
    ]
    report = played(events)

    assert (report.honest, report.honest_refused) == (3, {"account-failures": 1})
    (turned,) = report.turned
    assert (turned.account, turned.source, turned.rule) == (ANN, "198.51.100.9", "account-failures")
    assert turned.time == BEGIN + timedelta(seconds=301)


@pytest.mark.parametrize("credential", ["app-password:phone", "token:https://id.example.test", "certificate"])
def test_what_nobody_can_guess_overcomes_a_refusal(credential: str) -> None:
    """As at the server's door."""
    events: list[Recorded] = [*(failed(n) for n in range(9)), succeeded(20, "203.0.113.7", credential=credential)]

    assert played(events).honest_refused == {}
    assert played([*events, succeeded(21, "203.0.113.7")]).honest_refused == {}  # it is known now


def test_repeated_ones_are_not_guesses() -> None:
    """A telephone with an old password never uses up a budget."""
    report = played(failed(n * 60, repeated=n > 0) for n in range(100))

    assert (report.guesses, report.repeated, report.refused) == (1, 99, {})


def test_refused_ones_are_guesses() -> None:
    """Unless they were refused for a fault of ours, which says nothing of the client."""
    ours = [refused(n, reason=reason) for n, reason in enumerate(("busy", "exposed", "unavailable"))]

    assert played(refused(n) for n in range(9)).looked_at == 5
    assert played(ours).events == 0


def test_lists_refuse_too() -> None:
    """A right login from outside today's allowlist would fail; the recorded list of an account counts as well."""
    report = played([succeeded(0, "198.51.100.1"), succeeded(1, "192.0.2.1")], allow=("192.0.2.0/24",))
    outsiders: list[Recorded] = [failed(n, f"203.{n}.113.7", reason="not-allowed") for n in range(50)]

    assert (report.honest, report.honest_refused) == (2, {"lists": 1})
    assert played([*outsiders, succeeded(99, "198.51.100.1")]).honest_refused == {}


def test_proxies_are_never_banned() -> None:
    """Behind one address of never_ban only the account's budget counts."""
    events = [failed(n, account=f"{n}@example.test") for n in range(50)]

    assert played(events, never=("203.0.113.7",)).refused == {}
    assert played(events).looked_at == 5


def test_spraying() -> None:
    """The mode begins once, and is told."""
    events = [failed(n, f"203.{n}.113.7", f"{n}@example.test") for n in range(150)]

    assert played(events, settings=GuardSettings(spraying_accounts=50)).spraying == 1
    assert played(events, settings=GuardSettings(spraying_accounts=1000)).spraying == 0


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_can_be_played(reason: Reason) -> None:
    """Of failures and of refusals, with an account and without."""
    for account in (ANN, None):
        report = played([failed(0, account=account, reason=reason), failed(1, account=account, reason="invented")])
        assert report.events == 2
    assert played([refused(0, reason=reason)]).events in (0, 1)


def test_a_record_out_of_order() -> None:
    """An event that comes late is judged when it comes; the clock does not go back."""
    report = played([failed(1000), failed(990), failed(10), failed(1001)])

    assert (report.late, report.events) == (1, 4)
    assert (report.first, report.last) == (BEGIN + timedelta(seconds=10), BEGIN + timedelta(seconds=1001))


@pytest.mark.parametrize("source", [None, "", "nowhere", "192.0.2.0/24"])
def test_without_an_address(source: str | None) -> None:
    """It cannot be judged, and is counted as such."""
    report = played([LoginFailed(time=BEGIN, source=source, account=ANN)])

    assert (report.events, report.without_source) == (0, 1)


def test_budgets_last_as_long_as_they_say() -> None:
    """A day later the account has its guesses again: the clock is the record's."""
    events = [failed(day * 90_000 + n, f"203.{n}.113.7") for day in range(3) for n in range(30)]
    report = played(events)

    assert report.looked_at == 30
    assert report.worst == (ANN, 10)


def test_the_same_record_the_same_report() -> None:
    """Nothing is left to chance."""
    events = [failed(n, f"203.{n % 50}.113.{n % 7}", f"{n % 20}@example.test") for n in range(2000)]

    assert played(events) == played(events)


def test_counting_is_bounded() -> None:
    """Of more names than there is room for, those that came longest ago are forgotten, and how many."""
    tally = Tally(most=2)
    for name in ("a", "b", "a", "c", "a"):
        tally.add(name)

    assert (tally.most(9), tally.forgotten) == ((("a", 3), ("c", 1)), 1)


def test_the_worst_day() -> None:
    """The most within any 24 hours, wherever they begin; an account forgotten on its day is told."""
    looked = Looked(most=1)
    for hour in (0, 20, 23, 25, 43):
        looked.add("a", hour * 3600.0)
    looked.add("b", 44 * 3600.0)

    assert looked.worst == ("a", 4)
    assert looked.forgotten == 1
