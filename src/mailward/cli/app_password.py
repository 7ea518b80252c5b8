"""`mailward user app-password`: a password for one program, made here, shown once, revoked alone."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mailward.cli import output
from mailward.cli.installation import config_option
from mailward.cli.user_accounts import after_days, networks, opened_accounts
from mailward.cli.user_show import app_password_as_json

_DATE = 10  # characters of a moment that are its date


@click.group("app-password", short_help="Passwords for one program each.")
def command() -> None:
    """Add, list and revoke app passwords.

    Each is for one program or device, made here and shown once. One that is lost or stolen is revoked alone; the
    others and the account's own password stay.
    """


@command.command("add")
@click.argument("name")
@click.option("--label", required=True, metavar="TEXT", help="What it is for, for example phone.")
@click.option("--scope", "scopes", multiple=True, metavar="SERVICE", help="smtp (the default), imap, pop3 or sieve.")
@click.option("--allow-from", multiple=True, metavar="CIDR", help="The only networks it is taken from; repeat it.")
@click.option("--expires-in", "days", type=click.IntRange(1, 3650), metavar="DAYS", help="It ends by itself.")
@config_option
@output.json_option
def add(
    name: str,
    *,
    label: str,
    scopes: tuple[str, ...],
    allow_from: tuple[str, ...],
    days: int | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Make an app password for the account NAME and print it, once."""
    with opened_accounts(config_file) as (accounts, _):
        made, password = accounts.add_app_password(
            name,
            label,
            scopes=scopes or ("smtp",),
            allow_from=networks(allow_from),
            expires=after_days(days),
        )
    if as_json:
        output.say_json({**app_password_as_json(made), "password": password.reveal()})
        return
    output.say(f"✔ app password {made.id} ({made.label}) for {name}", style="green")
    output.say(f"  password: {password.reveal()}   (shown this once)")
    sys.stdout.flush()


@command.command("list")
@click.argument("name")
@config_option
@output.json_option
def list_(name: str, *, config_file: Path | None, as_json: bool) -> None:
    """List the app passwords of the account NAME; the last use is known to the hour."""
    with opened_accounts(config_file) as (accounts, _):
        every = accounts.existing(name).app_passwords
    if as_json:
        output.say_json([app_password_as_json(each) for each in every])
        return
    rows = [
        (
            each.id,
            output.moment(each.last_used) or "never",
            output.moment(each.expires)[:_DATE] or "never",
            " ".join(sorted(each.scopes)),
            each.label,
            ", ".join(each.allow_from) or "everywhere",
        )
        for each in every
    ]
    empty = f"no app passwords; mailward user app-password add {name} --label TEXT"
    output.say_table(("id", "last used", "ends", "for", "label", "from"), rows, empty=empty)


@command.command("revoke")
@click.argument("name")
@click.argument("which")
@config_option
@output.json_option
def revoke(name: str, which: str, *, config_file: Path | None, as_json: bool) -> None:
    """Take an app password of the account NAME away: WHICH is its id or its label. Its sessions end too."""
    with opened_accounts(config_file) as (accounts, _):
        found = accounts.app_password(name, which)
        accounts.revoke_app_password(name, found.id)
    if as_json:
        output.say_json({"id": found.id, "label": found.label, "revoked": True})
    else:
        output.say(f"✔ app password {found.id} ({found.label}) is taken no more", style="green")
