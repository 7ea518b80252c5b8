"""`mailward user rotate`: a new password beside the present one, until every program has it."""

from __future__ import annotations

from pathlib import Path

import click

from mailward.cli import output
from mailward.cli.installation import config_option
from mailward.cli.user_accounts import new_password, opened_accounts, password_options, say_password


@click.command("rotate")
@click.argument("name")
@click.option(
    "--overlap",
    "days",
    type=click.IntRange(1, 365),
    metavar="DAYS",
    help="How long both are taken at most ([passwords] overlap_days).",
)
@click.option("--end", is_flag=True, help="End the overlap: only the newest password is taken.")
@password_options
@config_option
@output.json_option
def command(
    name: str,
    *,
    days: int | None,
    end: bool,
    password_stdin: bool,
    password_file: Path | None,
    generate: bool,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Give the account NAME a second password; the present one is taken beside it for a while.

    The older one ends by itself after the overlap, or when nobody has used it for a week. `user show` tells which of
    them was last used when.
    """
    if end:
        if days is not None or password_stdin or password_file or generate:
            raise click.UsageError("--end takes no new password")
        _end(name, config_file, as_json=as_json)
        return
    with opened_accounts(config_file) as (accounts, config):
        accounts.existing(name)
        secret = new_password(password_file, name, config, stdin=password_stdin, generate=generate)
        until = accounts.rotate(name, secret, days=days, hostname=config.hostname)
        account = accounts.existing(name)
    shown = secret.reveal() if generate else None
    older = len(account.passwords) > 1
    if as_json:
        made = {"password": shown} if shown else {}
        output.say_json({"name": account.name, "older_until": output.timestamp(until) if older else None, **made})
        return
    ends = f"; the one before is taken until {output.moment(until)}" if older else "; the one before had to be changed"
    output.say(f"✔ {account.name} has a new password{ends}", style="green")
    say_password(shown)


def _end(name: str, config_file: Path | None, *, as_json: bool) -> None:
    with opened_accounts(config_file) as (accounts, _):
        ended = accounts.retire(name)
        account = accounts.existing(name)
    if as_json:
        output.say_json({"name": account.name, "ended": ended})
    else:
        output.say(
            f"✔ only the newest password of {account.name} is taken"
            if ended
            else f"{account.name} has one password only; nothing to end",
        )
