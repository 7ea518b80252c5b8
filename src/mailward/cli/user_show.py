"""`mailward user show`: what is known of an account, and which of its passwords was used when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import installation, output
from mailward.cli.installation import config_option
from mailward.cli.user_accounts import opened_accounts

if TYPE_CHECKING:
    from mailward.accounts.account import Account, AppPassword, StoredPassword


@click.command("show")
@click.argument("name")
@config_option
@output.json_option
def command(name: str, *, config_file: Path | None, as_json: bool) -> None:
    """Show the account NAME: from where it may log in, and which password was last used when (to the hour)."""
    with opened_accounts(config_file) as (accounts, _):
        account = accounts.existing(name)
    now = installation.utc_now().timestamp()
    if as_json:
        output.say_json(as_json_of(account, now))
        return
    output.say(account.name, style="bold")
    for label, value in lines_of(account, now):
        output.say(f"  {label:<16}{value}")


def notes(account: Account) -> Iterator[str]:
    """What sets it apart from an ordinary account, briefly."""
    if account.disabled:
        yield "locked"
    if account.must_change:
        yield "must change its password"
    if account.second_factor:
        yield "app passwords only"
    if len(account.passwords) > 1:
        yield "two passwords"
    if account.allow_from:
        yield "from its networks only"
    if account.app_passwords:
        yield f"{len(account.app_passwords)} app passwords" if len(account.app_passwords) > 1 else "1 app password"


def as_json_of(account: Account, now: float) -> dict[str, object]:
    return {
        "name": account.name,
        "senders": list(account.senders),
        "allow_from": list(account.allow_from),
        "created": output.timestamp(account.created),
        "disabled": account.disabled,
        "second_factor": account.second_factor,
        "totp": account.totp,
        "must_change": account.must_change,
        "from_configuration": sorted(account.overridden),
        "passwords": [_password(each, now) for each in account.passwords],
        "old_passwords": len(account.old),
        "app_passwords": [app_password_as_json(each) for each in account.app_passwords],
    }


def app_password_as_json(each: AppPassword) -> dict[str, object]:
    return {
        "id": each.id,
        "label": each.label,
        "selector": each.selector,
        "scopes": sorted(each.scopes),
        "allow_from": list(each.allow_from),
        "created": output.timestamp(each.created),
        "expires": output.timestamp(each.expires),
        "last_used": output.timestamp(each.last_used),
    }


def _password(each: StoredPassword, now: float) -> dict[str, object]:
    return {
        "id": each.id,
        "created": output.timestamp(each.created),
        "last_used": output.timestamp(each.last_used),
        "due": output.timestamp(each.due),
        "expires": output.timestamp(each.expires),
        "expired": each.expires is not None and each.expires <= now,
    }


def lines_of(account: Account, now: float) -> Iterator[tuple[str, str]]:
    def by_file(key: str) -> str:
        return "   (mailward.toml says so)" if key in account.overridden else ""

    yield "may log in", ("no, it is locked" if account.disabled else "yes") + by_file("disabled")
    yield "may send as", (", ".join(account.senders) or "nobody") + by_file("senders")
    yield "from", (", ".join(account.allow_from) or "everywhere") + by_file("allow_from")
    if account.second_factor or "second_factor" in account.overridden:
        only = "app passwords only" if account.second_factor else "no second factor"
        yield "with", only + by_file("second_factor")
    if account.totp:
        yield "authenticator", "enabled"
    for number, password in enumerate(account.passwords):
        yield ("password" if number == 0 else "older password"), _told(password, now)
    if account.must_change:
        yield "", "it has to be changed before it is taken again"
    for each in account.app_passwords:
        yield "app password", f"{each.id} {each.label}: {_use(each.last_used)}{_end(each.expires, now)}"


def _told(password: StoredPassword, now: float) -> str:
    return f"since {_day(password.created)}, {_use(password.last_used)}{_end(password.expires, now)}"


def _use(last_used: float | None) -> str:
    return "never used" if last_used is None else f"last used {output.moment(last_used)}"


def _end(expires: float | None, now: float) -> str:
    if expires is None:
        return ""
    return f", {'ended' if expires <= now else 'ends'} {_day(expires)}"


def _day(seconds: float) -> str:
    return output.moment(seconds).partition(" ")[0]
