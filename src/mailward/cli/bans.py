"""`mailward bans`: who is refused at the moment, and lifting that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import installation, output
from mailward.cli.installation import config_option
from mailward.errors import InputError
from mailward.printable import printable

if TYPE_CHECKING:
    import sqlite3


@click.group("bans", short_help="Show and lift bans.")
def command() -> None:
    """List who may not log in for now, addresses and accounts, and lift a ban."""


@command.command("list")
@config_option
@output.json_option
def list_(*, config_file: Path | None, as_json: bool) -> None:
    """List the bans in force, the newest last."""
    from mailward.store import bans  # noqa: PLC0415

    with installation.opened(config_file) as place:
        every = bans.listing(place.reader, installation.utc_now().timestamp())
    if as_json:
        output.say_json(
            [
                {
                    "subject": ban.subject,
                    "reason": ban.reason,
                    "added": output.timestamp(ban.added),
                    "until": output.timestamp(ban.until),
                }
                for ban in every
            ]
        )
        return
    rows = [(output.moment(ban.until), ban.reason, ban.subject) for ban in every]
    output.say_table(("until", "reason", "subject"), rows, empty="nobody is banned", whole=2)


@command.command("remove")
@click.argument("subject")
@config_option
@output.json_option
def remove(subject: str, *, config_file: Path | None, as_json: bool) -> None:
    """Lift the ban of SUBJECT at once: an IP address, an account, or the subject as `bans list` prints it."""
    from mailward.events import BanRemoved, encode  # noqa: PLC0415
    from mailward.store import bans, events  # noqa: PLC0415
    from mailward.store.event_file import EventFile  # noqa: PLC0415

    subject = subject_of(subject)
    event = BanRemoved(time=installation.utc_now(), subject=subject, reason="operator")

    def lift(connection: sqlite3.Connection) -> bool:
        return bans.remove(subject)(connection) and bool(events.append(connection, event))

    with installation.opened(config_file) as place:
        if not place.write(lift):
            raise InputError(f"{printable(subject, 200)} is not banned", advice="mailward bans list")
        file = EventFile(place.config.events_path, size_limit=1 << 60)  # the server rotates it, not we
        try:
            file.write([encode(event)])
        finally:
            file.close()
    if as_json:
        output.say_json({"subject": subject, "removed": True})
    else:
        output.say(f"✔ {subject} may try again", style="green")


def subject_of(text: str) -> str:
    """`ip:…` or `account:…` for what a person writes: 192.0.2.7, 2001:db8::1, ann@example.test."""
    from mailward.accounts.account import canonical  # noqa: PLC0415
    from mailward.guard.source import canonical_source, ring  # noqa: PLC0415

    if text.startswith(("ip:", "account:")):
        return text
    try:
        return ring(canonical_source(text.removesuffix("/64")))
    except InputError:
        return f"account:{canonical(text)}"
