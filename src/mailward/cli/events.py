"""`mailward events`: what happened, and what happens now."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import exit_codes, installation, output
from mailward.cli.installation import Installation, config_option

if TYPE_CHECKING:
    from mailward.events import Event

TYPES = (
    "login.succeeded",
    "login.failed",
    "login.refused",
    "ban.added",
    "ban.removed",
    "message.accepted",
    "message.delivered",
    "message.deferred",
    "message.bounced",
)
_STYLES = {"login.failed": "red", "login.refused": "yellow", "ban.added": "yellow", "message.bounced": "red"}
_PAUSE = 0.2  # seconds between two looks when following
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@click.command("events", short_help="Print what happened and happens.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what happens now; ctrl-c ends it.")
@click.option(
    "--type",
    "types",
    multiple=True,
    type=click.Choice(TYPES),
    metavar="TYPE",
    help=f"Only these; may be repeated: {', '.join(TYPES)}.",
)
@click.option(
    "--since", metavar="WHEN", help='Only later ones: "10m", "2h", "1d", or a time such as 2026-05-01T12:00Z.'
)
@click.option("--account", metavar="NAME", help="Only those of this account.")
@click.option("--source", metavar="IP", help="Only those from this address.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@config_option
@output.json_option
def command(
    *,
    follow: bool,
    types: tuple[str, ...],
    since: str | None,
    account: str | None,
    source: str | None,
    limit: int | None,
    config_file: Path | None,
    as_json: bool,
) -> int:
    """Print what happened, the oldest first; with --json one object a line.

    Logins that succeeded, failed or were refused, bans, and what became of each message.
    """
    earliest = _moment(since, installation.utc_now()) if since else None
    with installation.opened(config_file) as place:
        lines = _lines(place, follow=follow, types=types, account=account, source=source)
        try:
            _print(lines, earliest=earliest, limit=limit, as_json=as_json)
        except KeyboardInterrupt:
            if not follow:
                raise
    return exit_codes.OK


def _lines(
    place: Installation, *, follow: bool, types: tuple[str, ...], account: str | None, source: str | None
) -> Iterator[bytes]:
    from mailward.store import events  # noqa: PLC0415

    last = 0
    while True:
        found = events.select(place.reader, types=types or None, account=account, source=source, after_id=last)
        for identifier, line in found:
            last = identifier
            yield line
        if not follow:
            return
        time.sleep(_PAUSE)


def _print(lines: Iterator[bytes], *, earliest: datetime | None, limit: int | None, as_json: bool) -> None:
    from mailward.events import decode  # noqa: PLC0415

    left = limit
    day = ""
    for line in lines:
        event = None if as_json and earliest is None else decode(line)
        if event is not None and earliest is not None and event.time < earliest:
            continue
        if as_json or event is None:
            output.say_json_line(line)
        else:
            day = _say_day(event, day)
            output.say(in_words(event), style=_STYLES.get(str(event.__struct_config__.tag), ""))
        if left is not None:
            left -= 1
            if not left:
                return


def _say_day(event: Event, last: str) -> str:
    day = event.time.strftime("%A, %Y-%m-%d (UTC)")
    if day != last:
        output.say(day, style="bold")
    return day


def in_words(event: Event) -> str:
    """One line: when in the day, what, from where, who, why and how."""
    parts = [event.time.strftime("%H:%M:%S"), str(event.__struct_config__.tag), event.source or "-"]
    for name in ("account", "reason", "subject", "message", "envelope_to", "reply", "mechanism"):
        value = getattr(event, name, None)
        if value:
            parts.append(", ".join(value) if isinstance(value, tuple) else str(value))
    if getattr(event, "repeated", False):
        parts.append("(the same password again)")
    return "  ".join(parts)


def _moment(text: str, now: datetime) -> datetime:
    """`text` is an age or a time; a time without a zone is UTC."""
    age = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if age:
        return now - timedelta(seconds=int(age[1]) * _UNITS[age[2]])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("neither an age such as 10m nor a time", param_hint="--since") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
