"""`mailward mail`: the messages this server holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import installation, output
from mailward.cli.installation import config_option
from mailward.cli.lines import Column, say_lines, some
from mailward.errors import InputError
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.store.message import StoredMessage

_MOST_LINES = 200
_NULL = "<>"
_COLUMNS = (
    Column("id"),
    Column("received"),
    Column("from", least=16, leaves=1),
    Column("to", least=12, leaves=4),
    Column("subject", least=12, leaves=2),
    Column("size", leaves=3, right=True),
)


@click.group("mail", short_help="Show the messages it holds.")
def command() -> None:
    """List and show the messages this server holds: those of the sandbox, those in the queue, those that bounced."""


limit_option = click.option("--limit", type=click.IntRange(min=1), help="At most so many, the oldest first.")


@command.command("list")
@limit_option
@config_option
@output.json_option
def list_(*, limit: int | None, config_file: Path | None, as_json: bool) -> None:
    """List every message, the oldest first: one line each, as wide as the terminal.

    What does not fit is cut; `mail show ID` and --json tell everything.
    """
    from mailward.store import messages  # noqa: PLC0415

    with installation.opened(config_file) as place:
        every = list(messages.listing(place.reader, limit=limit))
    if as_json:
        output.say_json([as_dict(message) for message in every])
        return
    now = installation.utc_now()
    rows = [
        (
            message.id,
            output.moment_briefly(message.received, now),
            message.envelope_from or _NULL,
            some(message.envelope_to),
            message.subject,
            message.size,
        )
        for message in every
    ]
    say_lines(_COLUMNS, rows, empty="no mail yet")


@command.command("show")
@click.argument("identifier", metavar="ID")
@click.option("--raw", is_flag=True, help="Write the stored octets as they are.")
@config_option
@output.json_option
def show(identifier: str, *, raw: bool, config_file: Path | None, as_json: bool) -> None:
    """Show the message ID. Without --raw, what could disturb a terminal is escaped."""
    from mailward.store import messages  # noqa: PLC0415
    from mailward.store.spool import Spool  # noqa: PLC0415

    with installation.opened(config_file) as place:
        message = messages.get(place.reader, identifier)
        if message is None:
            raise InputError(f"there is no message {printable(identifier, 80)}", advice="mailward mail list")
        if as_json:
            output.say_json(as_dict(message))
            return
        content = messages.content(place.reader, identifier, Spool(place.config.spool_path))
        if raw:
            for piece in content:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            return
        _say(message, b"".join(content))


def as_dict(message: StoredMessage) -> dict[str, object]:
    """For JSON. `state`: kept (sandbox), queued or bounced."""
    return {
        "id": message.id,
        "envelope_from": message.envelope_from,
        "envelope_to": list(message.envelope_to),
        "subject": message.subject,
        "size": message.size,
        "received": output.timestamp(message.received),
        "state": message.state,
        "account": message.account,
        "source": message.source,
    }


def _say(message: StoredMessage, content: bytes) -> None:
    output.say(f"{message.id}  {message.state}  {message.size} octets", style="bold")
    output.say(f"envelope {message.envelope_from or _NULL} → {', '.join(message.envelope_to)}")
    output.say(f"received {output.moment(message.received)} from {message.source} by {message.account or 'no login'}")
    output.say("")
    lines = content.split(b"\r\n")
    for line in lines[:_MOST_LINES]:
        output.say(printable(line.replace(b"\t", b"    "), 998))
    if len(lines) > _MOST_LINES:
        output.say(f"… and {len(lines) - _MOST_LINES} more lines: mailward mail show {message.id} --raw", style="dim")
