"""`mailward user`: the accounts that may log in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import installation, output, passwords
from mailward.cli.installation import Installation, config_option
from mailward.errors import InputError

if TYPE_CHECKING:
    from mailward.accounts.directory import Accounts
    from mailward.secret import Secret
    from mailward.server.config import Config


@click.group("user", short_help="Manage the accounts.")
def command() -> None:
    """Add, list and remove accounts, and change their passwords.

    A change counts from the next login on, without a restart. A password that the policy refuses ends with exit
    code 1 and every reason at once.
    """


stdin_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
)
generate_option = click.option("--generate", is_flag=True, help="Make a password and print it, once.")


@command.command("add")
@click.argument("name")
@stdin_option
@passwords.password_file_option
@generate_option
@click.option("--sender", "senders", multiple=True, metavar="ADDRESS", help="Another address it may send from.")
@config_option
@output.json_option
def add(
    name: str,
    *,
    password_stdin: bool,
    password_file: Path | None,
    generate: bool,
    senders: tuple[str, ...],
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Add the account NAME, for example ann@example.test."""
    with _accounts(config_file, create=True) as (accounts, config):
        secret = _password(password_file, name, config.hostname, stdin=password_stdin, generate=generate)
        account = accounts.add(name, secret, senders=senders, hostname=config.hostname)
    shown = secret.reveal() if generate else None
    if as_json:
        made = {"password": shown} if shown else {}
        output.say_json({"name": account.name, "senders": list(account.senders), **made})
        return
    output.say(f"✔ {account.name} may log in", style="green")
    _say_password(shown)


@command.command("list")
@config_option
@output.json_option
def list_(*, config_file: Path | None, as_json: bool) -> None:
    """List the accounts."""
    with _accounts(config_file) as (accounts, _):
        every = accounts.listing()
    if as_json:
        output.say_json(
            [
                {
                    "name": each.name,
                    "senders": list(each.senders),
                    "created": output.timestamp(each.created),
                    "changed": output.timestamp(each.changed),
                }
                for each in every
            ]
        )
        return
    rows = [(each.name, ", ".join(each.senders), output.moment(each.changed)) for each in every]
    output.say_table(
        ("account", "may send as", "password since"), rows, empty="no accounts yet; mailward user add NAME"
    )


@command.command("passwd")
@click.argument("name")
@stdin_option
@passwords.password_file_option
@generate_option
@config_option
@output.json_option
def passwd(
    name: str,
    *,
    password_stdin: bool,
    password_file: Path | None,
    generate: bool,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Give the account NAME a new password."""
    with _accounts(config_file) as (accounts, config):
        secret = _password(password_file, name, config.hostname, stdin=password_stdin, generate=generate)
        accounts.set_password(name, secret, hostname=config.hostname)
    shown = secret.reveal() if generate else None
    if as_json:
        made = {"password": shown} if shown else {}
        output.say_json({"name": name, "changed": True, **made})
        return
    output.say(f"✔ {name} has a new password", style="green")
    _say_password(shown)


@command.command("remove")
@click.argument("name")
@config_option
@output.json_option
def remove(name: str, *, config_file: Path | None, as_json: bool) -> None:
    """Remove the account NAME. Mail it has sent stays."""
    with _accounts(config_file) as (accounts, _):
        accounts.remove(name)
    if as_json:
        output.say_json({"name": name, "removed": True})
    else:
        output.say(f"✔ {name} can no longer log in", style="green")


@contextmanager
def _accounts(config_file: Path | None, *, create: bool = False) -> Iterator[tuple[Accounts, Config]]:
    with installation.opened(config_file, create=create) as place, accounts_of(place) as accounts:
        yield accounts, place.config


@contextmanager
def accounts_of(place: Installation) -> Iterator[Accounts]:
    """To read and to change."""
    from mailward.accounts.directory import Accounts  # noqa: PLC0415
    from mailward.accounts.hasher import Hasher  # noqa: PLC0415

    hasher = Hasher(workers=1)
    try:
        yield Accounts(place.reader, place.write, hasher=hasher, now=lambda: installation.utc_now().timestamp())
    finally:
        hasher.close()


def _password(path: Path | None, name: str, hostname: str, *, stdin: bool, generate: bool) -> Secret:
    if sum((stdin, path is not None, generate)) > 1:
        raise click.UsageError("--password-stdin, --password-file and --generate exclude each other")
    if generate:
        from mailward.accounts import policy  # noqa: PLC0415
        from mailward.secret import Secret  # noqa: PLC0415

        return Secret(policy.generate(account=name, hostname=hostname))
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


def _say_password(password: str | None) -> None:
    if password is not None:
        output.say(f"  password: {password}   (shown this once)")
    sys.stdout.flush()
