"""How a source and an account stand, in figures."""

from __future__ import annotations

from mailward.guard.ports import OPERATOR
from mailward.guard.source import canonical_source
from mailward.guard.standing import Standing
from tests.guard.doubles import START, Line, World

ANN = "ann@example.test"
DAY = 86_400.0
HERE = canonical_source("192.0.2.7")


def test_every_rule_tells_its_figures() -> None:
    """In the order they are asked: what is used, what is being checked, and of how many."""
    world = World()
    world.guesses(2)
    world.guard.judge(world.attempt())

    assert world.guard.standing(source=HERE, account=ANN) == (
        Standing(subject="ip:192.0.2.7", rule="source-failures", used=2, held=1, budget=5, known=False),
        Standing(subject=f"account:{ANN}", rule="account-failures", used=2, held=1, budget=10, known=False),
        Standing(subject="192.0.2.0/26", rule="ring:192.0.2.0/26", used=2, held=1, budget=15, known=False),
        Standing(subject="192.0.0.0/21", rule="ring:192.0.0.0/21", used=2, held=1, budget=45, known=False),
    )


def test_the_rule_that_refuses_has_an_end() -> None:
    """The same that the verdict names."""
    world = World()
    world.guesses(5)
    for number in range(9):
        world.guesses(1, f"198.51.{number}.7")

    ends = {each.rule: each.until for each in world.guard.standing(source=HERE, account=ANN) if each.until}
    assert ends == {"source-failures": START + 1800, "account-failures": START + DAY}
    assert next(iter(ends)) == world.guard.judge(world.attempt()).rule
    (account,) = world.guard.standing(account=ANN)
    assert (account.used, account.budget, account.until, account.known) == (10, 10, START + DAY, None)


def test_a_known_source_has_its_own_line() -> None:
    """What it has left on that account, beside what binds strangers."""
    world = World()
    assert world.login()
    world.guesses(3)

    standing = world.guard.standing(source=HERE, account=ANN)
    assert [(each.used, each.budget) for each in standing if each.subject == f"ip:192.0.2.7 account:{ANN}"] == [(3, 5)]
    assert {each.known for each in standing} == {True}


def test_the_operators_ban_comes_first() -> None:
    """It decides before every budget."""
    world = World()
    world.bans.lines["ip:192.0.2.7"] = Line(START + 60, OPERATOR)

    first, *_ = world.guard.standing(source=HERE)
    assert (first.rule, first.until) == ("operator", START + 60)


def test_to_look_changes_nothing() -> None:
    """The state is the same octet for octet."""
    world = World()
    world.guesses(5)
    before = world.state._buffer[:]
    world.guard.standing(source=HERE, account=ANN)
    world.guard.standing(account="nobody@example.test")
    world.guard.standing()

    assert world.state._buffer[:] == before
