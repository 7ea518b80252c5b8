"""`mailward send`: one message through one server, and the receipt."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from mailward.cli import exit_codes, output, passwords, receipts, streams
from mailward.cli.client_options import arguments_of, auth_of, connection_options, server_of
from mailward.cli.interruption import as_an_error
from mailward.cli.profiles import profile, profile_option
from mailward.cli.written import Written, names_sender
from mailward.errors import InputError, MailwardError
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.client.how import SendArguments
    from mailward.client.observer import SessionEvent
    from mailward.client.options import ClientArguments
    from mailward.client.receipt import Receipt

_PHASES = ("connect", "ehlo", "auth", "mail", "rcpt")


@click.command("send", short_help="Send a message.")
@click.option("--via", envvar="MAILWARD_VIA", metavar="URL", help="smtps://user@host, smtp://host:587, lmtp://… …")
@profile_option
@click.option("--user", metavar="NAME", help="Who logs in, if the URL does not say so.")
@passwords.password_file_option
@connection_options
@click.option("--from", "sender", metavar="ADDRESS", help="By default that of --message, or the user who logs in.")
@click.option("--to", multiple=True, metavar="ADDRESS", help="May be repeated, as --cc and --bcc.")
@click.option("--cc", multiple=True, metavar="ADDRESS")
@click.option("--bcc", multiple=True, metavar="ADDRESS")
@click.option("--subject", metavar="TEXT")
@click.option("--text", metavar="TEXT", help='The body; "-" reads standard input.')
@click.option("--body-file", type=click.Path(path_type=Path), metavar="FILE", help="The body, from a file.")
@click.option("--html", metavar="TEXT", help="The body as HTML, beside or instead of --text.")
@click.option("--attach", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help="May be repeated.")
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="One more field. May be repeated.")
@click.option("--message", type=click.Path(path_type=Path), metavar="FILE", help="A whole message, sent as it is.")
@click.option("--dsn", metavar="WHEN", help="never, or some of success,failure,delay.")
@click.option("--requiretls", is_flag=True, help="TLS on the whole way, or not at all (RFC 8689).")
@click.option("--hold", type=int, metavar="SECONDS", help="Have the server keep it so long (RFC 4865).")
@click.option("--priority", type=click.IntRange(-9, 9), help="Of the delivery (RFC 6710).")
@click.option("--deliver-by", type=int, metavar="SECONDS", help="Deliver it by then, or return it (RFC 2852).")
@click.option("--once", "idempotency_key", metavar="KEY", help="Under KEY a Mailward server takes it once.")
@click.option("--show", is_flag=True, help="Show the dialogue as it goes, without secrets, on standard error.")
@click.option("--log", metavar="FILE", help="Append the dialogue to FILE (JSON lines if it ends in .jsonl).")
@click.option("--dry-run", is_flag=True, help="Print envelope and message; connect to nothing.")
@click.option("--quit-after", type=click.Choice(_PHASES), help="Leave after this phase; nothing is sent.")
@output.json_option
def command(**given: Any) -> int:
    """Send one message and print its receipt.

    The password comes from --password-file, from MAILWARD_PASSWORD, or is asked for. The channel is always secured
    and the certificate verified, unless you ask for --tls insecure-plaintext.
    """
    chosen = profile(given["profile"]) if given["profile"] else None
    given["via"], given["user"], given["password_file"] = server_of(given, chosen)
    if chosen is not None and given["sender"] is None:
        given["sender"] = chosen.sender
    return _run(given, arguments_of(given, chosen))


def _run(given: dict[str, Any], arguments: ClientArguments) -> int:
    from mailward.client.url import parse_target  # noqa: PLC0415 - loads what only sending needs

    as_json = given["as_json"]
    if not given["dry_run"]:
        arguments["auth"] = auth_of(given["via"], given["user"], given["password_file"])
    user = parse_target(given["via"]).user or given["user"]
    login = user if user and "@" in user else None
    written = _written(given, login)
    reverse_path, forward_paths = written.envelope()
    content = written.message()
    if reverse_path is None and login and isinstance(content, bytes) and not names_sender(content):
        reverse_path = login
    how = _how(given)
    if given["dry_run"]:
        return _dry_run(content, reverse_path, forward_paths, how)
    if given["show"]:
        arguments["event_hooks"] = {"*": _show}
    if given["log"]:
        arguments["log"] = given["log"]
    if given["quit_after"]:
        return _quit_after(given, arguments, (content, reverse_path, forward_paths, how))
    return _send(given["via"], arguments, (content, reverse_path, forward_paths, how), as_json=as_json)


def _send(via: str, arguments: ClientArguments, mail: Any, *, as_json: bool) -> int:
    from mailward.client.facade_sync import Client  # noqa: PLC0415

    content, reverse_path, forward_paths, how = mail
    client = Client(via, **arguments)
    try:
        with as_an_error():
            receipt: Receipt = client.send(content, sender=reverse_path, recipients=forward_paths, **how)
    except MailwardError as error:
        receipts.tell_failure(error, as_json=as_json)
        told = receipts.as_told(error)
        if told is error:
            raise
        raise told from error
    finally:
        client.close()
    receipts.tell(receipt, as_json=as_json)
    return exit_codes.OK if receipt.ok else exit_codes.REFUSED


def _written(given: dict[str, Any], login: str | None) -> Written:
    if given["text"] is not None and given["body_file"] is not None:
        raise InputError("--text and --body-file are both the body", advice="give one of them")
    whole = given["message"] is not None
    return Written(
        sender=login if given["sender"] is None and not whole else given["sender"],
        to=given["to"],
        cc=given["cc"],
        bcc=given["bcc"],
        subject=given["subject"],
        text=given["text"],
        body_file=given["body_file"],
        html=given["html"],
        attachments=given["attach"],
        headers=given["headers"],
        file=given["message"],
    )


def _how(given: dict[str, Any]) -> SendArguments:
    names = ("dsn", "hold", "deliver_by", "priority", "idempotency_key")
    how: dict[str, Any] = {name: given[name] for name in names if given[name] is not None}
    return cast("SendArguments", {"requiretls": given["requiretls"], **how})


def _prepared(mail: Any) -> Any:
    from mailward.client.how import How  # noqa: PLC0415
    from mailward.client.submission import prepare  # noqa: PLC0415

    content, reverse_path, forward_paths, how = mail
    return prepare(content, sender=reverse_path, recipients=forward_paths, how=How.of(**how))


def _dry_run(content: object, reverse_path: object, forward_paths: object, how: SendArguments) -> int:
    """What would go on the wire, to standard output; the envelope to standard error."""
    submission = _prepared((content, reverse_path, forward_paths, how))
    streams.say_error(f"MAIL FROM:<{printable(str(submission.sender or ''))}>")
    for mailbox in submission.recipients:
        streams.say_error(f"RCPT TO:<{printable(str(mailbox))}>")
    pieces = [submission.content] if isinstance(submission.content, bytes) else submission.content.pieces()
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return exit_codes.OK


def _quit_after(given: dict[str, Any], arguments: ClientArguments, mail: Any) -> int:
    from mailward.client.options import client_options  # noqa: PLC0415
    from mailward.client.trial import Phase, try_until  # noqa: PLC0415
    from mailward.net.blocking import BlockingPorts, run_blocking  # noqa: PLC0415

    phase = Phase(given["quit_after"])
    submission = _prepared(mail) if phase in (Phase.MAIL, Phase.RCPT) else None
    options, ports = client_options(given["via"], None, **arguments), BlockingPorts()
    total = options.timeout.total
    until = None if total is None else ports.now() + total
    replies = run_blocking(try_until(phase, options, ports, submission=submission, until=until))
    good = all(reply.positive for _, reply in replies)
    if given["as_json"]:
        told = [{"command": said, "code": reply.code, "reply": printable(reply.text)} for said, reply in replies]
        output.say_json({"phase": phase.value, "ok": good, "replies": told})
        return exit_codes.OK if good else exit_codes.REFUSED
    for said, reply in replies:
        output.say(f"{'✔' if reply.positive else '✘'} {said}  {reply}", style="" if reply.positive else "red")
    output.say(f"left after {phase.value}; nothing was sent")
    return exit_codes.OK if good else exit_codes.REFUSED


def _show(event: SessionEvent) -> None:
    from mailward.client.session_log import dialogue_lines  # noqa: PLC0415

    for line in dialogue_lines(event):
        streams.say_error(line)
