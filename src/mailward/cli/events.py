"""`mailward events`: what happened, and what happens now."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import exit_codes, installation, output
from mailward.cli.installation import Installation, config_option
from mailward.cli.lines import cut, some
from mailward.errors import InputError
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.events import Event

TYPES = (
    "login.succeeded",
    "login.failed",
    "login.refused",
    "ban.added",
    "ban.removed",
    "guard.mode",
    "account.password-expiring",
    "account.password-retired",
    "message.accepted",
    "message.delivered",
    "message.deferred",
    "message.bounced",
    "client.downgrade-refused",
)
_STYLES = {"login.failed": "red", "login.refused": "yellow", "ban.added": "yellow", "message.bounced": "red"}
_LONGEST_DETAIL = 300
_WORTH_A_CUT = 14  # columns: less is not worth reading
_PAUSE = 0.2  # seconds between two looks when following
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def _plain(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text is not None and printable(text, len(text) or 1) != text:
        raise click.BadParameter("it has a character that cannot be shown")
    return text


def _address(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """In the form in which events have it."""
    from mailward.guard.source import canonical_source  # noqa: PLC0415

    try:
        return None if text is None else str(canonical_source(text))
    except InputError as error:
        raise click.BadParameter(error.message) from None


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
@click.option("--account", metavar="NAME", callback=_plain, help="Only those of this account.")
@click.option("--source", metavar="IP", callback=_address, help="Only those from this address.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Only the last N of what was; --follow adds what comes."
)
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

    Logins that succeeded, failed or were refused, bans, and what became of each message. For people each is one line
    as wide as the terminal; --json tells everything.
    """
    earliest = _moment(since, installation.utc_now()) if since else None
    chosen = partial(_chosen, types=types, account=account, source=source, earliest=earliest)
    with installation.opened(config_file) as place:
        try:
            _print(_lines(place, chosen, follow=follow, limit=limit), as_json=as_json)
        except KeyboardInterrupt:
            if not follow:
                raise
    return exit_codes.OK


Chosen = Callable[[Installation, int], Iterator[tuple[int, bytes]]]


def _lines(place: Installation, chosen: Chosen, *, follow: bool, limit: int | None) -> Iterator[bytes]:
    """What was, or the last `limit` of it; then, if we follow, whatever comes."""
    last = 0
    found: Iterable[tuple[int, bytes]] = chosen(place, last)
    found = found if limit is None else deque(found, maxlen=limit)
    while True:
        for identifier, line in found:
            last = identifier
            yield line
        if not follow:
            return
        time.sleep(_PAUSE)
        found = chosen(place, last)


def _chosen(
    place: Installation,
    after: int,
    *,
    types: tuple[str, ...],
    account: str | None,
    source: str | None,
    earliest: datetime | None,
) -> Iterator[tuple[int, bytes]]:
    from mailward.events import decode  # noqa: PLC0415
    from mailward.store import events  # noqa: PLC0415

    found = events.select(place.reader, types=types or None, account=account, source=source, after_id=after)
    return (each for each in found if earliest is None or decode(each[1]).time >= earliest)


def _print(lines: Iterable[bytes], *, as_json: bool) -> None:
    from mailward.events import decode  # noqa: PLC0415

    day = ""
    width = 0 if as_json else output.width()
    for line in lines:
        if as_json:
            output.say_json_line(line)
            continue
        event = decode(line)
        day = _say_day(event, day)
        output.say(in_words(event, width), style=_STYLES.get(str(event.__struct_config__.tag), ""))


def _say_day(event: Event, last: str) -> str:
    day = event.time.strftime("%A, %Y-%m-%d (UTC)")
    if day != last:
        output.say(day, style="bold")
    return day


def in_words(event: Event, width: int) -> str:
    """When in the day, what, from where, then who, why and how as far as there is room."""
    line = f"{event.time:%H:%M:%S}  {event.__struct_config__.tag:<17}  {event.source or '-':<15}"
    for number, detail in enumerate(_details(event)):
        longer = f"{line}  {printable(detail, _LONGEST_DETAIL)}"
        if len(longer) > width:
            return cut(longer, width) if not number or width - len(line) >= _WORTH_A_CUT else line
        line = longer
    return line.rstrip()


def _details(event: Event) -> Iterator[str]:
    for name in ("account", "message", "reason", "subject", "envelope_to", "reply", "mechanism"):
        value = getattr(event, name, None)
        if not value or (name == "subject" and value == f"ip:{event.source}"):
            continue
        yield some(value) if isinstance(value, tuple) else str(value)
        if name == "reason" and getattr(event, "repeated", False):
            yield "(the same password again)"


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
