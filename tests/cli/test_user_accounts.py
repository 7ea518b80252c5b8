"""What the `mailward user` commands share."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from mailward.cli.installation import opened, utc_now
from mailward.cli.user_accounts import accounts_of, after_days, networks, new_password
from mailward.errors import InputError, PasswordRefused
from mailward.secret import Secret
from mailward.server import config
from tests.cli.conftest import ANN, PASSWORD


def test_the_rules_of_the_configuration_count(config_file: Path) -> None:
    """[passwords] and [account."…"] hold for the command line too."""
    config_file.write_text(
        config_file.read_text()
        + '[passwords]\nprofile = "legacy"\nwords = ["initech"]\n[account."ANN@example.test"]\ndisabled = true\n'
    )
    with opened(config_file, create=True) as place, accounts_of(place) as accounts:
        with pytest.raises(PasswordRefused) as caught:
            accounts.add(ANN, Secret("initech umbrella of my dentist"))
        assert any("initech" in reason for reason in caught.value.reasons)
        assert any("capital" in reason or "kinds" in reason or "class" in reason for reason in caught.value.reasons)
        account = accounts.add(ANN, Secret("Purple-umbrella-9-dentist"))

    assert account.disabled
    assert account.expires is not None


def test_a_breached_password_is_refused(config_file: Path) -> None:
    """The list that comes with Mailward is looked into."""
    with opened(config_file, create=True) as place, accounts_of(place) as accounts, pytest.raises(PasswordRefused):
        accounts.add(ANN, Secret("passwordpassword123"))


def test_one_source_of_the_password(tmp_path: Path, config_file: Path) -> None:
    """A file, or a generated one; two at once are a contradiction."""
    settings = config.load(config_file)
    (tmp_path / "secret").write_text(PASSWORD + "\n")
    (tmp_path / "secret").chmod(0o600)

    read = new_password(tmp_path / "secret", ANN, settings, stdin=False, generate=False)
    made = new_password(None, ANN, settings, stdin=False, generate=True)
    assert read == Secret(PASSWORD)
    assert len(made.reveal()) >= 15
    with pytest.raises(click.UsageError, match="exclude each other"):
        new_password(tmp_path / "secret", ANN, settings, stdin=False, generate=True)


def test_networks_are_read_as_the_guard_reads_them() -> None:
    """A mistake is told before anything is changed."""
    assert networks(("192.0.2.0/24", "::1")) == ("192.0.2.0/24", "::1")
    with pytest.raises(InputError, match=r"300\.0\.0\.1"):
        networks(("300.0.0.1",))


def test_days_from_now() -> None:
    """None for never."""
    end = after_days(2)

    assert end is not None
    assert abs(end - utc_now().timestamp() - 172_800) < 60
    assert after_days(None) is None
