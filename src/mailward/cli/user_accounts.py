"""The accounts that a `mailward user` command is about, and the new password it is given."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from mailward.cli import installation, output, passwords
from mailward.cli.installation import Installation
from mailward.errors import InputError

if TYPE_CHECKING:
    from mailward.accounts.directory import Accounts
    from mailward.secret import Secret
    from mailward.server.config import Config

F = TypeVar("F", bound=Callable[..., object])
_DAY = 86_400.0


def password_options(function: F) -> F:
    """--password-stdin, --password-file and --generate."""
    generate = click.option("--generate", is_flag=True, help="Make a password and print it, once.")
    stdin = click.option(
        "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
    )
    return stdin(passwords.password_file_option(generate(function)))


@contextmanager
def opened_accounts(config_file: Path | None, *, create: bool = False) -> Iterator[tuple[Accounts, Config]]:
    with installation.opened(config_file, create=create) as place, accounts_of(place) as accounts:
        yield accounts, place.config


@contextmanager
def accounts_of(place: Installation) -> Iterator[Accounts]:
    """To read and to change, by the rules of the configuration."""
    from mailward.accounts.breached import BreachedSet  # noqa: PLC0415
    from mailward.accounts.directory import Accounts  # noqa: PLC0415
    from mailward.accounts.hasher import Hasher  # noqa: PLC0415
    from mailward.accounts.rules import rules_of  # noqa: PLC0415
    from mailward.server.config_values import overlap_of, overrides_of  # noqa: PLC0415

    rules = rules_of(place.config.passwords)
    hasher = Hasher(workers=1)
    try:
        yield Accounts(
            place.reader,
            place.write,
            hasher=hasher,
            now=lambda: installation.utc_now().timestamp(),
            rules=rules,
            breached=BreachedSet.of(rules),
            overrides=overrides_of(place.config.account),
            overlap=overlap_of(place.config.passwords),
        )
    finally:
        hasher.close()


def new_password(path: Path | None, name: str, config: Config, *, stdin: bool, generate: bool) -> Secret:
    """As the options say; asked for on the terminal without any. Raises InputError."""
    if sum((stdin, path is not None, generate)) > 1:
        raise click.UsageError("--password-stdin, --password-file and --generate exclude each other")
    if generate:
        from mailward.accounts import policy  # noqa: PLC0415
        from mailward.accounts.rules import rules_of  # noqa: PLC0415
        from mailward.secret import Secret  # noqa: PLC0415

        return Secret(policy.generate(account=name, hostname=config.hostname, rules=rules_of(config.passwords)))
    if path is not None:
        return passwords.from_file(path)
    if stdin:
        return passwords.from_stdin()
    asked = passwords.from_terminal(f"New password for {name}", twice=True)
    if asked is None:
        raise InputError(
            "there is no terminal to ask for the password on",
            phase="password",
            advice="use --password-stdin, --password-file FILE or --generate",
        )
    return asked


def say_password(password: str | None) -> None:
    if password is not None:
        output.say(f"  password: {password}   (shown this once)")
    sys.stdout.flush()


def networks(entries: tuple[str, ...]) -> tuple[str, ...]:
    """As the guard reads them. Raises InputError that names the entry."""
    from mailward.guard.allowlist import Networks  # noqa: PLC0415

    Networks.parse(entries)
    return entries


def after_days(days: int | None) -> float | None:
    """So many days from now."""
    return None if days is None else installation.utc_now().timestamp() + days * _DAY
