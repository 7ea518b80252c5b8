"""`mailward queue`: what waits to be handed on."""

from __future__ import annotations

from pathlib import Path

import click

from mailward.cli import installation, output
from mailward.cli.installation import config_option
from mailward.cli.mail import as_dict, limit_option


@click.group("queue", short_help="Show what waits to be delivered.")
def command() -> None:
    """Look at the messages that wait to be delivered."""


@command.command("list")
@limit_option
@config_option
@output.json_option
def list_(*, limit: int | None, config_file: Path | None, as_json: bool) -> None:
    """List what is still to be delivered, the oldest first, and why it was not yet."""
    from mailward.store import messages  # noqa: PLC0415
    from mailward.store.message import QUEUED  # noqa: PLC0415

    with installation.opened(config_file) as place:
        waiting = list(messages.listing(place.reader, states=(QUEUED,), limit=limit))
    if as_json:
        output.say_json(
            [
                {
                    **as_dict(message),
                    "attempts": message.attempts,
                    "last_attempt": output.timestamp(message.last_attempt),
                    "next_attempt": output.timestamp(message.next_attempt),
                    "last_reply": message.last_reply,
                    "recipients": [
                        {"address": each.address, "state": each.state, "reply": each.reply}
                        for each in message.recipients
                    ],
                }
                for message in waiting
            ]
        )
        return
    rows = [
        (
            message.id,
            output.moment(message.next_attempt),
            message.attempts,
            ", ".join(message.envelope_to),
            message.last_reply,
        )
        for message in waiting
    ]
    output.say_table(("id", "next", "tries", "to", "last reply"), rows, empty="the queue is empty", whole=3)
