"""`mailward bans`: who is refused at the moment, refusing somebody, lifting that, and telling a firewall."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import installation, output
from mailward.cli.ban_export import FORMS, collected, network_of, written
from mailward.cli.installation import Installation, config_option
from mailward.cli.spans import moment_of, seconds_of
from mailward.cli.subjects import subject_of
from mailward.errors import InputError
from mailward.printable import printable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from datetime import datetime

    from mailward.events import Event
    from mailward.guard.address_list import AddressList
    from mailward.store.bans import Ban

__all__ = ["command", "subject_of"]

_LONGEST_REASON = 200
_LONGEST = 3660 * 86_400  # seconds
_BY = "operator"


@click.group("bans", short_help="Show, add and lift bans.")
def command() -> None:
    """List who may not log in for now, addresses and accounts; ban one, lift a ban, tell a firewall.

    For example: mailward bans add 192.0.2.7 --for 2h --reason "probing since noon"
    """


@command.command("list")
@config_option
@output.json_option
def list_(*, config_file: Path | None, as_json: bool) -> None:
    """List the bans in force, the newest last."""
    from mailward.store import bans  # noqa: PLC0415

    with installation.opened(config_file) as place:
        every = bans.listing(place.reader, installation.utc_now().timestamp())
    if as_json:
        output.say_json([as_json_of(ban) for ban in every])
        return
    rows = [(output.moment(ban.until), ban.by, ban.times, ban.reason, ban.subject) for ban in every]
    output.say_table(("until", "by", "times", "reason", "subject"), rows, empty="nobody is banned", whole=3)


def as_json_of(ban: Ban) -> dict[str, object]:
    return {
        "subject": ban.subject,
        "reason": ban.reason,
        "rule": ban.rule,
        "by": ban.by,
        "times": ban.times,
        "added": output.timestamp(ban.added),
        "until": output.timestamp(ban.until),
    }


@command.command("add")
@click.argument("subject")
@click.option("--for", "span", metavar="SPAN", help="How long: 30m, 2h, 7d; a day unless you say so.")
@click.option("--until", metavar="WHEN", help="Or until when: 2026-05-01T12:00Z.")
@click.option("--reason", default=_BY, metavar="TEXT", help="Why, for whoever lists the bans.")
@config_option
@output.json_option
def add(
    subject: str, *, span: str | None, until: str | None, reason: str, config_file: Path | None, as_json: bool
) -> None:
    """Refuse SUBJECT, an IP address (IPv6: its /64) or an account, without looking at its password.

    It holds against everybody, also where the address is known to an account. Networks belong in allowlist.blocked.
    """
    from mailward.events import BanAdded  # noqa: PLC0415
    from mailward.store import bans  # noqa: PLC0415

    now = installation.utc_now()
    end = _end(span, until, now)
    name = subject_of(subject)
    if not reason.strip() or printable(reason, _LONGEST_REASON) != reason:
        raise click.BadParameter(
            "it is empty, too long, or has a character that cannot be shown", param_hint="--reason"
        )
    ban = bans.Ban(name, reason, now.timestamp(), end, rule=_BY, by=_BY)
    event = BanAdded(time=now, subject=name, reason=_BY, until=end)
    with installation.opened(config_file) as place, installation.located(config_file):
        _check_spared(place, name)
        _change(place, bans.insert(ban), event)
    if as_json:
        output.say_json(as_json_of(ban))
    else:
        output.say(f"✔ {name} is refused until {output.moment(end)}", style="green")


@command.command("remove")
@click.argument("subject")
@config_option
@output.json_option
def remove(subject: str, *, config_file: Path | None, as_json: bool) -> None:
    """Lift the ban of SUBJECT at once: an IP address, an account, or the subject as `bans list` prints it."""
    from mailward.events import BanRemoved  # noqa: PLC0415
    from mailward.store import bans  # noqa: PLC0415

    subject = subject_of(subject)
    event = BanRemoved(time=installation.utc_now(), subject=subject, reason=_BY)
    with installation.opened(config_file) as place:
        if not _change(place, bans.remove(subject), event):
            raise InputError(f"{printable(subject, 200)} is not banned", advice="mailward bans list")
    if as_json:
        output.say_json({"subject": subject, "removed": True})
    else:
        output.say(f"✔ {subject} may try again", style="green")


@command.command("export")
@click.option("--format", "form", type=click.Choice(tuple(FORMS)), default="plain", show_default=True)
@click.option("--all", "every", is_flag=True, help="Also addresses that somebody has logged in from before.")
@click.option("--ports", default="25,465,587", show_default=True, metavar="PORTS", help="For nftables and ipset.")
@config_option
def export(*, form: str, every: bool, ports: str, config_file: Path | None) -> None:
    """Print the banned addresses for a firewall or another server, with how long each has left.

    Left out: accounts, addresses where anybody has ever logged in from, proxies, and whom
    allowlist.networks or never_ban names.
    For example: mailward bans export --format nftables | nft -f -
    """
    from mailward.store import bans  # noqa: PLC0415

    now = installation.utc_now()
    choose = bans.listing if every else bans.exportable
    with installation.opened(config_file) as place, installation.located(config_file):
        found = choose(place.reader, now.timestamp())
        never = _never_ban(place)
    chosen = [(ban.subject, ban.until) for ban in found if not _is_spared(ban.subject, never)]
    click.echo(written(collected(chosen, now, _ports(ports)), form), nl=False)


def _end(span: str | None, until: str | None, now: datetime) -> float:
    if span is not None and until is not None:
        raise click.UsageError("--for and --until exclude each other")
    if until is not None:
        moment = moment_of(until)
        if moment is None:
            raise click.BadParameter("it is no time such as 2026-05-01T12:00Z", param_hint="--until")
        seconds = moment.timestamp() - now.timestamp()
    else:
        given = seconds_of(span or "1d")
        if given is None:
            raise click.BadParameter("it is no span such as 30m, 2h or 7d", param_hint="--for")
        seconds = given
    if not 0 < seconds <= _LONGEST:
        raise click.BadParameter(
            "a ban ends in the future, within ten years", param_hint="--until" if until is not None else "--for"
        )
    return now.timestamp() + seconds


def _ports(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and 0 < int(part) < 65_536 for part in parts):
        raise click.BadParameter("write ports with commas between them: 25,465,587", param_hint="--ports")
    return tuple(sorted(set(map(int, parts))))


def _change(place: Installation, operation: Callable[[sqlite3.Connection], bool | None], event: Event) -> bool:
    """Carried out, and told in the database and in the file; False: there was nothing to do."""
    from mailward.events import encode  # noqa: PLC0415
    from mailward.store import events  # noqa: PLC0415
    from mailward.store.event_file import EventFile  # noqa: PLC0415

    def both(connection: sqlite3.Connection) -> bool:
        return operation(connection) is not False and bool(events.append(connection, event))

    if not place.write(both):
        return False
    file = EventFile(place.config.events_path, size_limit=1 << 60)  # the server rotates it, not we
    try:
        file.write([encode(event)])
    finally:
        file.close()
    return True


def _never_ban(place: Installation) -> AddressList:
    from mailward.server.config_values import lists_of  # noqa: PLC0415
    from mailward.server.guard_view import brought_in, listener_name  # noqa: PLC0415

    _, never = lists_of(place.config, tuple(map(listener_name, place.config.listener)))
    faults = brought_in(never, now=installation.utc_now().timestamp())
    if faults:  # somebody who must not be banned might be
        raise InputError(f"nobody can tell who must never be banned: {faults[0]}")
    return never


def _check_spared(place: Installation, subject: str) -> None:
    if _is_spared(subject, _never_ban(place)):
        raise InputError(
            f"{subject} holds a proxy, or an address of allowlist.networks or allowlist.never_ban: it is never banned",
            advice="take it out of there first, put it into allowlist.blocked, or ban the account",
        )


def _is_spared(subject: str, never: AddressList) -> bool:
    network = network_of(subject)
    return network is not None and never.overlaps(network)
