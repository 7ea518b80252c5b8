"""`mailward memory`: what is known of servers, so that less is noticed, and forgetting it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import output
from mailward.errors import InputError
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.client.memory import Memory
    from mailward.store.client_memory import Channel, Login

_file_option = click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Instead of the one that MAILWARD_MEMORY names, or this user's.",
)


@click.group("memory", short_help="Show and forget what is known of servers.")
def command() -> None:
    """What each server was seen to do at its best. A client refuses to go on with one that does less: an attacker on
    the path looks like that.

    For example: mailward memory forget smtp.example.org
    """


@command.command("list")
@_file_option
@output.json_option
def list_(*, file: Path | None, as_json: bool) -> None:
    """List the ports of servers that are known, and the logins that have succeeded."""
    channels, logins = _memory(file).every()
    if as_json:
        output.say_json({"channels": list(map(_channel, channels)), "logins": list(map(_login, logins))})
        return
    rows = [
        (
            channel.host,
            channel.port,
            channel.tls.replace("TLSv", "TLS "),
            "implicit" if channel.implicit else "starttls",
            "yes" if channel.requiretls else "no",
            channel.verified_by,
            output.moment(channel.seen),
        )
        for channel in channels
    ]
    columns = ("host", "port", "least", "mode", "requiretls", "verified by", "seen")
    output.say_table(columns, rows, empty="no server is known", whole=2)
    if logins:
        told = [(each.host, each.mechanism, each.role, each.account, output.moment(each.seen)) for each in logins]
        output.say_table(("host", "least", "port", "account", "seen"), told, empty="", whole=2)


@command.command("forget")
@click.argument("host", required=False)
@click.option("--all", "every", is_flag=True, help="Of every server.")
@_file_option
@output.json_option
def forget(*, host: str | None, every: bool, file: Path | None, as_json: bool) -> None:
    """Forget what is known of HOST: the next session with it is taken as it comes, and remembered."""
    if (host is None) is not every:
        raise click.UsageError("name one HOST, or give --all")
    name = None if host is None else host.lower().removesuffix(".")
    lines = _memory(file).forget(name)
    if not lines and name is not None:
        raise InputError(f"nothing is known of {printable(name, 200)}", advice="mailward memory list")
    if as_json:
        output.say_json({"host": name, "forgotten": lines})
    else:
        output.say(f"✔ forgotten: {'every server' if name is None else name}", style="green")


def _memory(file: Path | None) -> Memory:
    from mailward.client.memory import ENVIRONMENT, Memory  # noqa: PLC0415

    memory = Memory.of(file)
    if memory is None:
        raise InputError(
            f"nothing is remembered: {ENVIRONMENT} is off, or there is no home directory", advice="name a file: --file"
        )
    return memory


def _channel(channel: Channel) -> dict[str, object]:
    return {
        "host": channel.host,
        "port": channel.port,
        "tls": channel.tls,
        "mode": "implicit" if channel.implicit else "starttls",
        "requiretls": channel.requiretls,
        "verified_by": channel.verified_by,
        "pin": channel.pin,
        "first": output.timestamp(channel.first),
        "seen": output.timestamp(channel.seen),
    }


def _login(login: Login) -> dict[str, object]:
    return {
        "host": login.host,
        "port": login.role,
        "account": login.account,
        "credential": login.kind,
        "mechanism": login.mechanism,
        "first": output.timestamp(login.first),
        "seen": output.timestamp(login.seen),
    }
