"""`mailward queue`: what waits to be handed on, and what could not be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import installation, output
from mailward.cli.installation import config_option
from mailward.cli.lines import Column, say_lines, some
from mailward.cli.mail import as_dict, limit_option

if TYPE_CHECKING:
    from mailward.store.message import StoredMessage


_COLUMNS = (
    Column("id"),
    Column("state", leaves=4),
    Column("next", leaves=3),
    Column("tries", leaves=1, right=True),
    Column("to", least=12, leaves=5),
    Column("last reply", least=12, leaves=2),
)


@click.group("queue", short_help="Show what waits to be delivered.")
def command() -> None:
    """Look at the messages that wait to be delivered."""


@command.command("list")
@limit_option
@config_option
@output.json_option
def list_(*, limit: int | None, config_file: Path | None, as_json: bool) -> None:
    """List what is still to be delivered and what bounced, the oldest first, and why.

    One line each, as wide as the terminal, with those it is still to be delivered to, or bounced for. --json tells
    everything.
    """
    from mailward.store import messages  # noqa: PLC0415
    from mailward.store.message import BOUNCED, QUEUED  # noqa: PLC0415

    with installation.opened(config_file) as place:
        waiting = list(messages.listing(place.reader, states=(QUEUED, BOUNCED), limit=limit))
    if as_json:
        output.say_json([_as_dict(message) for message in waiting])
        return
    now = installation.utc_now()
    rows = [
        (
            message.id,
            message.state,
            output.moment_briefly(message.next_attempt, now),
            message.attempts,
            some(_concerned(message)),
            message.last_reply,
        )
        for message in waiting
    ]
    say_lines(_COLUMNS, rows, empty="the queue is empty")


def _concerned(message: StoredMessage) -> list[str]:
    from mailward.store.message import BOUNCED, DELIVERED  # noqa: PLC0415

    over = {DELIVERED} if message.state == BOUNCED else {DELIVERED, BOUNCED}
    return [each.address for each in message.recipients if each.state not in over]


def _as_dict(message: StoredMessage) -> dict[str, object]:
    return {
        **as_dict(message),
        "attempts": message.attempts,
        "last_attempt": output.timestamp(message.last_attempt),
        "next_attempt": output.timestamp(message.next_attempt),
        "last_reply": message.last_reply,
        "recipients": [
            {"address": each.address, "state": each.state, "reply": each.reply} for each in message.recipients
        ],
    }
