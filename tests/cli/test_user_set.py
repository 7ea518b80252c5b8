"""`mailward user set`, `lock` and `unlock`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import ANN, Run
from tests.support.installation import BOB


def test_all_at_once(run: Run, installed: Path) -> None:
    """Networks, senders, second factor and a forced change, as `user show` tells them then."""
    done = run(
        "user", "set", ANN, "--allow-from", "192.0.2.0/24", "--allow-from", "2001:db8::/32", "--sender",
        "sales@example.test", "--second-factor", "--expire-password", "--config", installed, "--json",
    )  # fmt: skip
    shown = run("user", "show", ANN, "--config", installed, "--json").json

    assert done.code == 0
    assert done.json == shown
    assert shown["allow_from"] == ["192.0.2.0/24", "2001:db8::/32"]
    assert shown["senders"] == [ANN, "sales@example.test"]
    assert (shown["second_factor"], shown["must_change"], shown["disabled"]) == (True, True, False)


def test_and_back_again(run: Run, installed: Path) -> None:
    """Each has its opposite."""
    run("user", "set", ANN, "--allow-from", "::1", "--sender", "a@b.test", "--second-factor", "--config", installed)
    done = run(
        "user", "set", "ANN@example.test", "--no-allow-from", "--remove-sender", "A@b.test", "--no-second-factor",
        "--config", installed,
    )  # fmt: skip
    shown = run("user", "show", ANN, "--config", installed, "--json").json

    assert done.out == "✔ ann@example.test is changed\n"
    assert (shown["allow_from"], shown["senders"], shown["second_factor"]) == ([], [ANN], False)


def test_locked_and_unlocked(run: Run, installed: Path) -> None:
    """It is said, listed, and undone."""
    assert "is locked" in run("user", "lock", ANN, "--config", installed).out
    assert "locked" in run("user", "list", "--config", installed).out
    assert run("user", "list", "--config", installed, "--json").json[0]["disabled"] is True
    assert run("user", "unlock", ANN, "--config", installed, "--json").json["disabled"] is False


def test_mistakes_change_nothing(run: Run, installed: Path) -> None:
    """Exit code 2: an unknown account with the nearest, a bad network, a contradiction, nothing to do."""
    before = run("user", "show", ANN, "--config", installed, "--json").json
    unknown = run("user", "lock", "anne@example.test", "--config", installed)
    network = run("user", "set", ANN, "--sender", "a@b.test", "--allow-from", "300.0.0.1", "--config", installed)
    both = run("user", "set", ANN, "--allow-from", "::1", "--no-allow-from", "--config", installed)
    nothing = run("user", "set", ANN, "--config", installed)

    assert [done.code for done in (unknown, network, both, nothing)] == [2, 2, 2, 2]
    assert "is it 'ann@example.test'?" in unknown.err
    assert "300.0.0.1" in network.err
    assert "exclude each other" in both.err
    assert "nothing to change" in nothing.err
    assert run("user", "show", ANN, "--config", installed, "--json").json == before


def test_the_file_goes_first_and_it_is_said(run: Run, installed: Path) -> None:
    """A change that the configuration overrules is kept and warned of."""
    installed.write_text(installed.read_text() + f'[account."{ANN}"]\ndisabled = false\nallow_from = ["::1"]\n')
    done = run("user", "lock", ANN, "--config", installed)
    shown = run("user", "show", ANN, "--config", installed)

    assert done.code == 0
    assert "disabled of ann@example.test is decided by mailward.toml" in done.err
    assert shown.out.count("(mailward.toml says so)") == 2


def test_several_values_of_one_option(run: Run, installed: Path) -> None:
    """After NAME an option takes all the words up to the next one; before it, one; without any it is told."""
    several = ("--allow-from", "192.0.2.0/24", "2001:db8::/32", "--sender", "a@b.test", "c@d.test")
    assert run("user", "set", ANN, *several, "--config", installed).code == 0
    shown = run("user", "show", ANN, "--config", installed, "--json").json
    assert shown["allow_from"] == ["192.0.2.0/24", "2001:db8::/32"]
    assert shown["senders"] == [ANN, "a@b.test", "c@d.test"]

    assert run("user", "set", "--config", installed, "--allow-from", "192.0.2.7", ANN).code == 0
    assert run("user", "show", ANN, "--config", installed, "--json").json["allow_from"] == ["192.0.2.7/32"]

    assert run("user", "set", ANN, "--config", installed, "--allow-from").code == 2
    assert run("user", "set", ANN, BOB, "--config", installed, "--no-allow-from").code == 2
