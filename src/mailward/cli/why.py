"""`mailward why`: the story of a decision: which rule, since when, until when, and what ends it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import exit_codes, installation, output
from mailward.cli.installation import Installation, config_option
from mailward.cli.subjects import Subject, read
from mailward.errors import InputError
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.accounts.account import Account

_WITHIN = 200_000  # events that are looked at for a session


@click.command("why", short_help="Explain why somebody may log in, or not.")
@click.argument("subject")
@click.argument("account", required=False)
@click.option("--events", "limit", type=click.IntRange(1, 1000), default=10, show_default=True, metavar="N")
@config_option
@output.json_option
def command(subject: str, account: str | None, *, limit: int, config_file: Path | None, as_json: bool) -> int:
    """Tell what would happen to a login now, and why.

    SUBJECT is an IP address, an account, or a session (12 hexadecimal digits, as events have them); with ACCOUNT, of
    that account from that address. It changes nothing, and works whether or not the server runs. --events: how many
    of the last ones are told.

    For example: mailward why 192.0.2.7 ann@example.test
    """
    asked = _asked(subject, account)
    with installation.opened(config_file) as place, installation.located(config_file):
        if asked.session:
            _of_session(place, asked.session, as_json=as_json)
        else:
            _of_subject(place, asked, limit, config_file, as_json=as_json)
    return exit_codes.OK


def _asked(subject: str, account: str | None) -> Subject:
    asked = read(subject)
    if account is None:
        return asked
    if asked.source is None:
        raise click.UsageError("ACCOUNT goes with an address: mailward why 192.0.2.7 ann@example.test")
    return Subject(source=asked.source, account=read(f"account:{account.removeprefix('account:')}").account)


def _of_subject(place: Installation, asked: Subject, limit: int, config_file: Path | None, *, as_json: bool) -> None:
    from mailward.cli import why_telling  # noqa: PLC0415
    from mailward.cli.why_findings import Search  # noqa: PLC0415
    from mailward.server import guard_view  # noqa: PLC0415

    now = installation.utc_now().timestamp()
    with guard_view.opened(place.config, place.reader, now=lambda: now) as view:
        account = _account(place, asked.account)
        findings = Search(place, view, asked, account=account, now=now, config_file=config_file).findings(limit)
    if as_json:
        output.say_json(why_telling.as_json(findings, now))
    else:
        why_telling.say(findings, now)


def _account(place: Installation, name: str) -> Account | None:
    from mailward.cli.user_accounts import accounts_of  # noqa: PLC0415

    if not name:
        return None
    with accounts_of(place) as accounts:
        return accounts.find_key(name)


def _of_session(place: Installation, session: str, *, as_json: bool) -> None:
    from mailward.cli import why_telling  # noqa: PLC0415
    from mailward.store import event_search  # noqa: PLC0415

    lines, more = event_search.of_session(place.reader, session, within=_WITHIN)
    if not lines:
        where = f"the last {_WITHIN} events; there are older ones" if more else "the events that are kept"
        raise InputError(
            f"nothing is told of the session {printable(session, 80)} in {where}", advice="mailward events --help"
        )
    if as_json:
        told = [why_telling.event_as_json(line) for line in lines]
        output.say_json({"kind": "session", "session": session, "events": told, "older_events_not_searched": more})
        return
    why_telling.say_events(lines, f"The session {session}")
    if more:
        output.say(f"  (of the last {_WITHIN} events; older ones were not looked at)")
