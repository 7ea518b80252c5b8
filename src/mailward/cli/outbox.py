"""`mailward outbox`: messages that are kept until they are sent, and what became of them."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailward.cli import exit_codes, installation, output, passwords
from mailward.cli.client_options import arguments_of, auth_of, connection_options, server_of
from mailward.cli.lines import Column, say_lines, some
from mailward.cli.profiles import profile, profile_option
from mailward.cli.written import Written

if TYPE_CHECKING:
    from types import FrameType

    from mailward.client.dispatch import Flushed
    from mailward.client.outbox import Outbox
    from mailward.client.sender import Sender
    from mailward.store.ticket import Ticket

_STATES = ("waiting", "sending", "sent", "failed", "unknown")  # store/ticket.py loads what --help does not need
_STYLES = {"sent": "green", "failed": "red", "unknown": "yellow"}
_COLUMNS = (
    Column("id"),
    Column("state"),
    Column("next", leaves=3),
    Column("tries", leaves=1, right=True),
    Column("to", least=12, leaves=5),
    Column("subject", least=12, leaves=4),
    Column("last error", least=12, leaves=2),
)

file_option = click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Instead of the one that MAILWARD_OUTBOX names, or this user's.",
)


@click.group("outbox", short_help="Keep messages until they are sent.")
def command() -> None:
    """Put messages on disk now, and have them sent when the server is to be had.

    Each is sent once. One whose fate is not known, because the last reply was lost or the sender was killed, is
    "unknown": it is kept, and sent again only by `mailward outbox retry ID`.
    """


@command.command("put")
@click.option("--from", "sender", metavar="ADDRESS", help="By default that of --message.")
@click.option("--to", multiple=True, metavar="ADDRESS", help="May be repeated, as --cc and --bcc.")
@click.option("--cc", multiple=True, metavar="ADDRESS")
@click.option("--bcc", multiple=True, metavar="ADDRESS")
@click.option("--subject", metavar="TEXT")
@click.option("--text", metavar="TEXT", help='The body; "-" reads standard input.')
@click.option("--html", metavar="TEXT", help="The body as HTML, beside or instead of --text.")
@click.option("--attach", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help="May be repeated.")
@click.option(
    "--message", type=click.Path(path_type=Path), metavar="FILE", help="A whole message; - is standard input."
)
@click.option("--once", "key", metavar="KEY", help="What is put twice under one KEY is one message.")
@file_option
@output.json_option
def put(**given: Any) -> None:
    """Keep a message, and print its ticket. When the command ends, it is safe on disk."""
    written = Written(
        sender=given["sender"],
        to=given["to"],
        cc=given["cc"],
        bcc=given["bcc"],
        subject=given["subject"],
        text=given["text"],
        html=given["html"],
        attachments=given["attach"],
        file=given["message"],
    )
    sender, recipients = written.envelope()
    with _opened(given["file"]) as box:
        identifier = box.put(written.message(), sender=sender, recipients=recipients, idempotency_key=given["key"])
        if given["as_json"]:
            output.say_json(as_dict(box.ticket(identifier)))
        else:
            output.say(identifier)


@command.command("list")
@click.option("--state", type=click.Choice(_STATES), help="Only those.")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="At most so many.")
@file_option
@output.json_option
def list_(*, state: str | None, limit: int, file: Path | None, as_json: bool) -> None:
    """List the tickets, the oldest first."""
    with _opened(file) as box:
        tickets = box.tickets(state, limit=limit)
    if as_json:
        output.say_json([as_dict(ticket) for ticket in tickets])
        return
    now = installation.utc_now()
    rows = [
        (
            ticket.id,
            ticket.state,
            output.moment_briefly(ticket.next_attempt, now),
            ticket.attempts,
            some([each.address for each in ticket.recipients]),
            ticket.subject,
            ticket.error,
        )
        for ticket in tickets
    ]
    say_lines(_COLUMNS, rows, empty="the outbox is empty")


@command.command("show")
@click.argument("identifier", metavar="ID")
@click.option("--raw", is_flag=True, help="Write the octets of the message; there are none of one that was sent.")
@file_option
@output.json_option
def show(*, identifier: str, raw: bool, file: Path | None, as_json: bool) -> None:
    """Show the ticket ID, by its id or its key."""
    with _opened(file) as box:
        ticket = box.ticket(identifier)
        if raw:
            for piece in box.content(ticket.id):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            return
    if as_json:
        output.say_json(as_dict(ticket))
    else:
        _say(ticket)


@command.command("send")
@click.option("--via", envvar="MAILWARD_VIA", metavar="URL", help="smtps://user@host, smtp://host:587 …")
@profile_option
@click.option("--user", metavar="NAME", help="Who logs in, if the URL does not say so.")
@passwords.password_file_option
@connection_options
@click.option("--keep-on", is_flag=True, help="Go on, and send what is put meanwhile, until ctrl-c.")
@file_option
@output.json_option
def send(**given: Any) -> int:
    """Send what is due. ctrl-c ends it after the message that is on its way.

    Exit code 0 when all that was tried was sent or waits, 1 when some failed for good, 4 when some are unknown now.
    """
    client = _client(given)
    try:
        with _opened(given["file"], client) as box, _until_interrupted(box):
            if given["keep_on"]:
                box.run()
                return exit_codes.OK
            done = box.flush()
    finally:
        client.close()
    _tell(done, as_json=given["as_json"])
    if done.error is not None:
        raise done.error
    return exit_codes.UNKNOWN if done.unknown else exit_codes.REFUSED if done.failed else exit_codes.OK


@command.command("retry")
@click.argument("identifier", metavar="ID")
@file_option
def retry(*, identifier: str, file: Path | None) -> None:
    """Have ID sent again, though it may arrive twice: what is unknown or failed of it. What waits is due now."""
    with _opened(file) as box:
        box.retry(identifier)
    output.say("✔ it is due now", style="green")


@command.command("forget")
@click.argument("identifier", metavar="ID")
@file_option
def forget(*, identifier: str, file: Path | None) -> None:
    """Remove the ticket ID and its message, sent or not."""
    with _opened(file) as box:
        box.forget(identifier)
    output.say("✔ forgotten", style="green")


def as_dict(ticket: Ticket) -> dict[str, object]:
    """For JSON."""
    return {
        "id": ticket.id,
        "key": ticket.key,
        "state": ticket.state,
        "created": output.timestamp(ticket.created),
        "sender": ticket.sender,
        "recipients": [
            {"address": each.address, "state": each.state, "reply": each.reply} for each in ticket.recipients
        ],
        "subject": ticket.subject,
        "message_id": ticket.message_id,
        "size": ticket.size,
        "attempts": ticket.attempts,
        "next_attempt": output.timestamp(ticket.next_attempt),
        "ended": output.timestamp(ticket.ended),
        "error": ticket.error,
        "receipt": json.loads(ticket.receipt) if ticket.receipt else None,
    }


def _opened(file: Path | None, client: Sender | None = None) -> Outbox:
    from mailward.client.outbox import Outbox  # noqa: PLC0415 - loads what only sending needs

    return Outbox(client, file)


def _client(given: dict[str, Any]) -> Any:
    from mailward.client.facade_sync import Client  # noqa: PLC0415

    chosen = profile(given["profile"]) if given["profile"] else None
    via, user, password_file = server_of(given, chosen)
    arguments = arguments_of(given, chosen)
    arguments["auth"] = auth_of(via, user, password_file)
    return Client(via, **arguments)


@contextmanager
def _until_interrupted(box: Outbox) -> Iterator[None]:
    """The first ctrl-c lets the message that is on its way arrive; the next one breaks it off, and it is unknown."""
    usual = signal.getsignal(signal.SIGINT)

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, usual)
        box.stop()

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _tell(done: Flushed, *, as_json: bool) -> None:
    counts = {state: getattr(done, state) for state in ("sent", "waiting", "failed", "unknown")}
    if as_json:
        output.say_json(counts)
        return
    told = [f"{number} {state}" for state, number in counts.items() if number]
    output.say(", ".join(told) or "nothing is due")


def _say(ticket: Ticket) -> None:
    output.say(f"{ticket.id}  {ticket.state}", style=_STYLES.get(ticket.state, "bold"))
    output.say(f"  from {ticket.sender or '<>'}, {ticket.size} octets, put {output.moment(ticket.created)}")
    output.say(f"  subject {ticket.subject}" if ticket.subject else "  no subject")
    when = f", next {output.moment(ticket.next_attempt)}" if ticket.next_attempt is not None else ""
    output.say(f"  {ticket.attempts} attempts{when}")
    for each in ticket.recipients:
        output.say(f"  {each.state:8} {each.address}  {each.reply}".rstrip(), style=_STYLES.get(each.state, ""))
    if ticket.error:
        output.say(f"  {ticket.error}", style="red")
    if ticket.state == "unknown":
        output.say(f"  → mailward outbox retry {ticket.id}   sends it again, though it may arrive twice")
