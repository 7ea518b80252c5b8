"""`mailward user set`, `lock` and `unlock`: from where and how an account may log in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import installation, output
from mailward.cli.installation import config_option
from mailward.cli.user_accounts import networks, opened_accounts
from mailward.cli.user_show import as_json_of, notes

if TYPE_CHECKING:
    from mailward.accounts.account import Account


_SEVERAL = ("--allow-from", "--sender", "--remove-sender")


class _Several(click.Command):
    """An option of `_SEVERAL` that stands after NAME takes all the words up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(_one_by_one(args)))


def _one_by_one(words: list[str]) -> Iterator[str]:
    """`--allow-from A B` as `--allow-from A --allow-from B`."""
    option, before, named = "", "", False
    for word in words:
        if option and not word.startswith("-") and before != option and named:
            yield option
        if word.startswith("-"):
            option = word if word in _SEVERAL else ""
        elif before not in ("--config", *_SEVERAL):
            named = named or not option
        yield word
        before = word


@click.command("set", cls=_Several)
@click.argument("name")
@click.option("--allow-from", multiple=True, metavar="CIDR…", help="The only networks it may log in from.")
@click.option("--no-allow-from", is_flag=True, help="It may log in from everywhere.")
@click.option("--sender", "senders", multiple=True, metavar="ADDRESS…", help="Further addresses it may send from.")
@click.option(
    "--remove-sender", "removed", multiple=True, metavar="ADDRESS…", help="Addresses it may send from no more."
)
@click.option("--expire-password", is_flag=True, help="Its password is taken no more until it is changed.")
@click.option("--second-factor/--no-second-factor", default=None, help="Only app passwords can send mail, or not.")
@config_option
@output.json_option
def set_(
    name: str,
    *,
    allow_from: tuple[str, ...],
    no_allow_from: bool,
    senders: tuple[str, ...],
    removed: tuple[str, ...],
    expire_password: bool,
    second_factor: bool | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Change how the account NAME may log in, from the next login on.

    All that is given is changed at once. A session that is open ends before its next message, unless only the
    senders have changed.
    """
    if allow_from and no_allow_from:
        raise click.UsageError("--allow-from and --no-allow-from exclude each other")
    if not any((allow_from, no_allow_from, senders, removed, expire_password, second_factor is not None)):
        raise click.UsageError("nothing to change; mailward user set --help lists what can be")
    with opened_accounts(config_file) as (accounts, _):
        account = accounts.change(
            name,
            allow_from=networks(allow_from) if allow_from or no_allow_from else None,
            senders=senders,
            without_senders=removed,
            must_change=True if expire_password else None,
            second_factor=second_factor,
        )
    _say(account, "is changed", as_json=as_json)
    asked = {
        "allow_from": bool(allow_from or no_allow_from),
        "senders": bool(senders or removed),
        "second_factor": second_factor is not None,
    }
    _warn(account, {key for key, given in asked.items() if given})


@click.command("lock")
@click.argument("name")
@config_option
@output.json_option
def lock(name: str, *, config_file: Path | None, as_json: bool) -> None:
    """Let the account NAME log in no more, with whatever it has. `unlock` undoes it."""
    with opened_accounts(config_file) as (accounts, _):
        account = accounts.change(name, disabled=True)
    _say(account, "is locked", as_json=as_json)
    _warn(account, {"disabled"})


@click.command("unlock")
@click.argument("name")
@config_option
@output.json_option
def unlock(name: str, *, config_file: Path | None, as_json: bool) -> None:
    """Let the account NAME log in again. A ban of the guard is lifted with `mailward bans remove`."""
    with opened_accounts(config_file) as (accounts, _):
        account = accounts.change(name, disabled=False)
    _say(account, "is not locked any more", as_json=as_json)
    _warn(account, {"disabled"})


def _say(account: Account, what: str, *, as_json: bool) -> None:
    if as_json:
        output.say_json(as_json_of(account, installation.utc_now().timestamp()))
        return
    output.say(f"✔ {account.name} {what}", style="green")
    for note in notes(account):
        output.say(f"  {note}")


def _warn(account: Account, asked: set[str]) -> None:
    for key in sorted(asked & account.overridden):
        click.echo(
            f"mailward: warning: {key} of {account.name} is decided by mailward.toml; this change waits behind it",
            err=True,
        )
