"""`mailward user totp`: an authenticator for the account's own password, which then sends no mail any more."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mailward.cli import output
from mailward.cli.installation import config_option
from mailward.cli.user_accounts import opened_accounts


@click.group("totp", short_help="Enable or disable an authenticator.")
def command() -> None:
    """An authenticator program (RFC 6238) as the second factor of an account.

    SMTP has no place for its codes: with one enabled, only app passwords can send mail.
    """


@command.command("enable")
@click.argument("name")
@config_option
@output.json_option
def enable(name: str, *, config_file: Path | None, as_json: bool) -> None:
    """Make a secret for the authenticator of the account NAME and print it, once; one before is void."""
    with opened_accounts(config_file) as (accounts, config):
        uri = accounts.enable_totp(name, config.hostname).reveal()
        account = accounts.existing(name)
    if as_json:
        output.say_json({"name": account.name, "second_factor": account.second_factor, "uri": uri})
        return
    output.say(f"✔ {account.name} has an authenticator; only its app passwords can send mail now", style="green")
    output.say(f"  {uri}   (shown this once)")
    output.say(f"  next: mailward user app-password add {account.name} --label phone")
    sys.stdout.flush()


@command.command("disable")
@click.argument("name")
@config_option
@output.json_option
def disable(name: str, *, config_file: Path | None, as_json: bool) -> None:
    """Take the authenticator away: the password alone is enough again."""
    with opened_accounts(config_file) as (accounts, _):
        accounts.disable_totp(name)
        account = accounts.existing(name)
    if as_json:
        output.say_json({"name": account.name, "second_factor": account.second_factor})
    else:
        output.say(f"✔ {account.name} has no authenticator", style="green")
