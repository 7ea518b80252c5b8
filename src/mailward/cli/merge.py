"""`mailward merge`: a message for each row of a file, many at once, with a progress bar and an account at the end."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from mailward.cli import exit_codes, output, passwords, streams
from mailward.cli.client_options import arguments_of, auth_of, connection_options, server_of
from mailward.cli.interruption import noticed
from mailward.cli.profiles import profile, profile_option
from mailward.errors import InputError, MailwardError
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.client.receipt import Receipt
    from mailward.message.builder import Message
    from mailward.message.templates import Template

_MOST_TOLD = 20  # of what was not accepted, on the screen; the file of --failed has all


@dataclass(slots=True)
class _Account:
    """`wrong`: rows of which no message could be made. `left`: rows not handled because the run ended."""

    accepted: int = 0
    failed: int = 0
    wrong: int = 0
    rows: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def handled(self) -> int:
        return self.accepted + self.failed + self.wrong

    def note(self, line: str) -> None:
        if len(self.told) < _MOST_TOLD:
            self.told.append(line)


@click.command("merge", short_help="Send a message for each row of a file.")
@click.option("--via", envvar="MAILWARD_VIA", metavar="URL", help="smtps://user@host …")
@profile_option
@click.option("--user", metavar="NAME", help="Who logs in, if the URL does not say so.")
@passwords.password_file_option
@connection_options
@click.option("--rows", type=click.Path(path_type=Path), required=True, metavar="CSV", help="UTF-8, names first.")
@click.option("--from", "sender", metavar="TEMPLATE", help="By default the user who logs in, if that is an address.")
@click.option("--to", default="{{ email }}", show_default=True, metavar="TEMPLATE")
@click.option("--subject", required=True, metavar="TEMPLATE")
@click.option("--text-file", type=click.Path(path_type=Path), metavar="FILE", help="Template of the body.")
@click.option("--html-file", type=click.Path(path_type=Path), metavar="FILE", help="Template of the body as HTML.")
@click.option("--attach", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help="May be repeated.")
@click.option("--connections", type=click.IntRange(1, 100), default=1, show_default=True, help="At once.")
@click.option("--rate", metavar="RATE", help="Such as 30/min or 5/s.")
@click.option("--failed", type=click.Path(path_type=Path), metavar="FILE", help="Write what failed, as JSON lines.")
@output.json_option
def command(**given: Any) -> int:
    """Send one message for each row of a CSV file, made by templates such as "Order {{ number }}".

    A row that cannot be used, or a message that is refused, does not stop the rest. At the end stands how many were
    accepted, failed and not handled; exit code 1 when not all were accepted. ctrl-c ends it after the messages
    that are on their way, and a second one at once.
    """
    from mailward.client.url import parse_target  # noqa: PLC0415 - loads what only sending needs

    chosen = profile(given["profile"]) if given["profile"] else None
    via, user, file = server_of(given, chosen)
    login = parse_target(via).user or user
    sender = given["sender"] or (chosen.sender if chosen else None) or (login if login and "@" in login else None)
    if sender is None:
        raise InputError("the messages have no sender", advice="give --from, or log in with an address")
    template = _template(given, sender)
    arguments = arguments_of(given, chosen)
    arguments["limits"] = _limits(given)
    arguments["auth"] = auth_of(via, user, file)
    return _run(via, arguments, template, given)


def _template(given: dict[str, Any], sender: str) -> Template:
    from mailward.message.templates import Template  # noqa: PLC0415

    text, html = _read(given["text_file"]), _read(given["html_file"])
    if text is None and html is None:
        raise InputError("there is nothing to send", advice="give --text-file or --html-file")
    folder = (given["html_file"] or given["text_file"]).resolve().parent
    return Template(subject=given["subject"], text=text, html=html, from_=sender, to=given["to"], folder=folder)


def _limits(given: dict[str, Any]) -> Any:
    from mailward.client.limits import Limits  # noqa: PLC0415

    return Limits(connections=given["connections"], rate=given["rate"])


def _read(path: Path | None) -> str | None:
    try:
        return None if path is None else path.read_text("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{printable(str(path))} is not UTF-8 text") from None


def _run(via: str, arguments: Any, template: Template, given: dict[str, Any]) -> int:
    from mailward.client.facade_sync import Client  # noqa: PLC0415

    account = _Account(rows=_count(given["rows"]))
    problem: MailwardError | KeyboardInterrupt | None = None
    client = Client(via, **arguments)
    with _failures(given["failed"]) as failures, noticed() as interrupted:
        try:
            messages = takewhile(lambda _: not interrupted(), _messages(template, given, account, failures))
            with client, _bar(account.rows, quiet=given["as_json"]) as advance:
                for receipt in client.send_many(messages):
                    _count_in(receipt, account, failures)
                    advance(account.handled)
        except (MailwardError, KeyboardInterrupt) as error:
            problem = error
    _say(account, as_json=given["as_json"])
    if problem is not None:
        if isinstance(problem, KeyboardInterrupt):
            streams.say_error("what was on its way is counted as not handled, and may have been accepted")
        raise problem
    if account.accepted == account.rows:
        return exit_codes.OK
    return exit_codes.INTERRUPTED if interrupted() else exit_codes.REFUSED


def _messages(
    template: Template, given: dict[str, Any], account: _Account, failures: TextIO | None
) -> Iterator[Message]:
    from mailward.message.merge import merge  # noqa: PLC0415

    def skip(error: InputError) -> None:
        account.wrong += 1
        account.note(error.message)
        _write(failures, {"row": error.message, "outcome": "not-sent"})

    for message in merge(template, given["rows"], skip=skip):
        for path in given["attach"]:
            message.attach(path)
        yield message


def _count(path: Path) -> int:
    """Rows of the file, for the bar and the account."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return max(0, sum(1 for row in csv.reader(file) if row) - 1)
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{printable(str(path))} is no CSV in UTF-8") from None


def _count_in(receipt: Receipt, account: _Account, failures: TextIO | None) -> None:
    if receipt.ok:
        account.accepted += 1
        return
    account.failed += 1
    who = ", ".join(result.address for result in receipt.refused[:3]) or "nobody"
    account.note(f"{who}: {receipt.outcome}: {receipt.error}")
    _write(failures, receipt.as_dict())


@contextmanager
def _failures(path: Path | None) -> Iterator[TextIO | None]:
    with nullcontext() if path is None else path.open("x", encoding="utf-8") as file:
        yield file


def _write(file: TextIO | None, value: dict[str, object]) -> None:
    if file is not None:
        file.write(json.dumps(value) + "\n")
        file.flush()


@contextmanager
def _bar(total: int, *, quiet: bool) -> Iterator[Any]:
    """On a terminal only, on standard error."""
    if quiet or not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn  # noqa: PLC0415

    with Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total)
        yield lambda done: progress.update(task, completed=done)


def _say(account: _Account, *, as_json: bool) -> None:
    left = max(0, account.rows - account.handled)
    failed = account.failed + account.wrong
    if as_json:
        output.say_json({"accepted": account.accepted, "failed": failed, "not_handled": left, "told": account.told})
        return
    for line in account.told:
        streams.say_error(f"✘ {printable(line, 400)}")
    if failed > len(account.told):
        streams.say_error(f"  and {failed - len(account.told)} more; --failed FILE has them all")
    output.say(
        f"{account.accepted} accepted, {failed} failed, {left} not handled",
        style="green" if account.accepted == account.rows else "yellow",
    )
