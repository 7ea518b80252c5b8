"""`mailward send`: one message through one server, and the receipt."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import exit_codes, output, passwords, streams
from mailward.cli.interruption import Interrupted, as_an_error
from mailward.cli.written import Written, names_sender
from mailward.errors import InputError, MailwardError, OutcomeUnknown
from mailward.printable import printable
from mailward.secret import Secret

if TYPE_CHECKING:
    from mailward.client.receipt import Receipt

_MODES = ("auto", "implicit", "starttls", "insecure-plaintext")
_STYLES = {"accepted": "green", "partial": "yellow"}


@click.command("send", short_help="Send a message.")
@click.option("--via", required=True, envvar="MAILWARD_VIA", metavar="URL", help="smtps://user@host, smtp://host:587 …")
@click.option("--user", metavar="NAME", help="Who logs in, if the URL does not say so.")
@passwords.password_file_option
@click.option("--ca", type=click.Path(path_type=Path), metavar="FILE", help="Trust these certificates only.")
@click.option("--tls", type=click.Choice(_MODES), default="auto", show_default=True, help="auto is never clear text.")
@click.option("--from", "sender", metavar="ADDRESS", help="By default that of --message, or the user who logs in.")
@click.option("--to", multiple=True, metavar="ADDRESS", help="May be repeated, as --cc and --bcc.")
@click.option("--cc", multiple=True, metavar="ADDRESS")
@click.option("--bcc", multiple=True, metavar="ADDRESS")
@click.option("--subject", metavar="TEXT")
@click.option("--text", metavar="TEXT", help='The body; "-" reads standard input.')
@click.option("--html", metavar="TEXT", help="The body as HTML, beside or instead of --text.")
@click.option("--attach", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help="May be repeated.")
@click.option("--message", type=click.Path(path_type=Path), metavar="FILE", help="A whole message, sent as it is.")
@click.option("--timeout", type=float, metavar="SECONDS", help="For all of it (300).")
@click.option("--local-address", metavar="IP", help="Connect from this address of this machine.")
@output.json_option
def command(
    *,
    via: str,
    user: str | None,
    password_file: Path | None,
    ca: Path | None,
    tls: str,
    sender: str | None,
    to: tuple[str, ...],
    cc: tuple[str, ...],
    bcc: tuple[str, ...],
    subject: str | None,
    text: str | None,
    html: str | None,
    attach: tuple[Path, ...],
    message: Path | None,
    timeout: float | None,
    local_address: str | None,
    as_json: bool,
) -> int:
    """Send one message and print its receipt.

    The password comes from --password-file, from MAILWARD_PASSWORD, or is asked for. The channel is always secured
    and the certificate verified, unless you ask for --tls insecure-plaintext.
    """
    from mailward.client.facade_sync import Client  # noqa: PLC0415 - loads what only sending needs
    from mailward.client.tls_mode import INSECURE_PLAINTEXT  # noqa: PLC0415

    auth = _auth(via, user, password_file)
    login = auth[0] if auth and "@" in auth[0] else None
    author = login if sender is None and message is None else sender
    written = Written(
        sender=author,
        to=to,
        cc=cc,
        bcc=bcc,
        subject=subject,
        text=text,
        html=html,
        attachments=attach,
        file=message,
    )
    client = Client(
        via,
        auth=auth if auth and auth[1] else None,
        tls=INSECURE_PLAINTEXT if tls == "insecure-plaintext" else tls,
        ca=ca,
        timeout=timeout,
        local_address=local_address,
    )
    reverse_path, forward_paths = written.envelope()
    content = written.message()
    if reverse_path is None and login and isinstance(content, bytes) and not names_sender(content):
        reverse_path = login
    try:
        with as_an_error():
            receipt: Receipt = client.send(content, sender=reverse_path, recipients=forward_paths)
    except MailwardError as error:
        _tell_failure(error, as_json=as_json)
        told = _as_told(error)
        if told is error:
            raise
        raise told from error
    finally:
        client.close()
    _tell(receipt, as_json=as_json)
    return exit_codes.OK if receipt.ok else exit_codes.REFUSED


def _as_told(error: MailwardError) -> BaseException:
    """An interruption before the content was on its way is one; later nobody knows."""
    if not isinstance(error, Interrupted):
        return error
    if error.phase != "data":
        return KeyboardInterrupt()
    return OutcomeUnknown(
        "interrupted while the content was being sent",
        phase="data",
        advice="it may or may not have been accepted; sending it again may deliver it twice",
    )


def _tell_failure(error: MailwardError, *, as_json: bool) -> None:
    """The error itself is told on standard error by whoever catches it."""
    told = _as_told(error)
    with suppress(OSError):
        if as_json:
            output.say_json(_receipt_of(error, unknown=isinstance(told, OutcomeUnknown)))
        elif isinstance(told, OutcomeUnknown) and error.receipt is not None:
            _say(replace(error.receipt, outcome=type(error.receipt.outcome).UNKNOWN))


def _tell(receipt: Receipt, *, as_json: bool) -> None:
    """What became of the message decides how the command ends, not whether that could be printed."""
    try:
        if as_json:
            output.say_json(receipt.as_dict())
        else:
            _say(receipt)
        heard = not streams.was_closed()
    except OSError:
        streams.abandon(sys.stdout)
        heard = False
    if not heard:
        streams.say_error(f"mailward: {_named(receipt)}; the receipt could not be printed")


def _auth(via: str, user: str | None, password_file: Path | None) -> tuple[str, Secret] | None:
    """Who logs in; an empty secret when the password is in the URL. None: nobody does. Raises InputError."""
    from mailward.client.url import parse_target  # noqa: PLC0415

    target = parse_target(via)
    if user and target.user and user != target.user:
        raise InputError(f"--user says {user} and the URL says {target.user}", advice="say it in one place")
    name = target.user or user
    if name is None:
        if password_file is not None:
            raise InputError("there is a password and no user", advice="give --user, or smtps://user@host")
        return None
    if target.password is not None:
        click.echo("mailward: warning: a password in the URL is seen by every user of this machine", err=True)
        return name, Secret("")
    if password_file is not None:
        return name, passwords.from_file(password_file)
    given = os.environ.get("MAILWARD_PASSWORD")
    secret = Secret(given) if given else passwords.from_terminal(f"Password of {name}")
    if secret is None:
        raise InputError(f"there is no password for {name}", advice="give --password-file FILE or MAILWARD_PASSWORD")
    return name, secret


def _receipt_of(error: MailwardError, *, unknown: bool) -> dict[str, object]:
    from mailward.client.receipt import Outcome, Receipt  # noqa: PLC0415

    receipt: Receipt = error.receipt or Receipt(outcome=Outcome.NOT_SENT, error=error.message)
    return (replace(receipt, outcome=Outcome.UNKNOWN) if unknown else receipt).as_dict()


def _named(receipt: Receipt) -> str:
    return f"{receipt.outcome} as {printable(receipt.queue_id, 200)}" if receipt.queue_id else str(receipt.outcome)


def _say(receipt: Receipt) -> None:
    mark = "✔" if receipt.ok else "!"
    output.say(f"{mark} {_named(receipt)}", style=_STYLES.get(receipt.outcome.value, "red"))
    if receipt.tls is None:
        output.say("  in clear text: everyone on the path can read it", style="yellow")
    else:
        output.say(f"  {receipt.tls.version} {receipt.tls.cipher}, certificate verified by {receipt.tls.verified_by}")
    if receipt.auth is not None:
        binding = f", bound to this channel ({receipt.auth.channel_binding})" if receipt.auth.channel_binding else ""
        output.say(f"  login by {receipt.auth.mechanism}{binding}")
    for each in receipt.recipients:
        reply = f"  {each.reply}" if each.reply is not None else ""
        output.say(f"  {'✔' if each.accepted else '✘'} {each.address}{reply}", style="" if each.accepted else "red")
