"""`mailward user`: the accounts that may log in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import app_password, output, user_import, user_rotate, user_set, user_show, user_totp
from mailward.cli.installation import config_option
from mailward.cli.user_accounts import accounts_of, new_password, opened_accounts, password_options, say_password

if TYPE_CHECKING:
    from mailward.accounts.account import Account

__all__ = ["accounts_of", "command"]


@click.group("user", short_help="Manage the accounts.")
def command() -> None:
    """Add, list and remove accounts, and change their passwords.

    A change counts from the next login on, without a restart. A password that the policy refuses ends with exit
    code 1 and every reason at once.
    """


for each in (
    user_import.command,
    user_set.set_,
    user_set.lock,
    user_set.unlock,
    user_show.command,
    user_rotate.command,
    app_password.command,
    user_totp.command,
):
    command.add_command(each)


@command.command("add")
@click.argument("name")
@password_options
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
    with opened_accounts(config_file, create=True) as (accounts, config):
        secret = new_password(password_file, name, config, stdin=password_stdin, generate=generate)
        account = accounts.add(name, secret, senders=senders, hostname=config.hostname)
    shown = secret.reveal() if generate else None
    if as_json:
        made = {"password": shown} if shown else {}
        output.say_json({"name": account.name, "senders": list(account.senders), **made})
        return
    output.say(f"✔ {account.name} may log in", style="green")
    say_password(shown)


@command.command("list")
@config_option
@output.json_option
def list_(*, config_file: Path | None, as_json: bool) -> None:
    """List the accounts."""
    with opened_accounts(config_file) as (accounts, _):
        every = accounts.listing()
    if as_json:
        output.say_json(list(map(_as_json, every)))
        return
    rows = [
        (account.name, output.moment(account.passwords[0].created)[:10], ", ".join(user_show.notes(account)))
        for account in every
    ]
    output.say_table(("account", "password since", "notes"), rows, empty="no accounts yet; mailward user add NAME")


def _as_json(account: Account) -> dict[str, object]:
    return {
        "name": account.name,
        "senders": list(account.senders),
        "created": output.timestamp(account.created),
        "changed": output.timestamp(account.passwords[0].created),
        "disabled": account.disabled,
        "second_factor": account.second_factor,
        "must_change": account.must_change,
        "allow_from": list(account.allow_from),
        "app_passwords": len(account.app_passwords),
    }


@command.command("passwd")
@click.argument("name")
@password_options
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
    with opened_accounts(config_file) as (accounts, config):
        secret = new_password(password_file, name, config, stdin=password_stdin, generate=generate)
        accounts.set_password(name, secret, hostname=config.hostname)
    shown = secret.reveal() if generate else None
    if as_json:
        made = {"password": shown} if shown else {}
        output.say_json({"name": name, "changed": True, **made})
        return
    output.say(f"✔ {name} has a new password", style="green")
    say_password(shown)


@command.command("remove")
@click.argument("name")
@config_option
@output.json_option
def remove(name: str, *, config_file: Path | None, as_json: bool) -> None:
    """Remove the account NAME. Mail it has sent stays."""
    with opened_accounts(config_file) as (accounts, _):
        accounts.remove(name)
    if as_json:
        output.say_json({"name": name, "removed": True})
    else:
        output.say(f"✔ {name} can no longer log in", style="green")
