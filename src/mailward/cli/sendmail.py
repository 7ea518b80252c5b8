"""`mailward sendmail`: what programs call as /usr/sbin/sendmail; mail goes out at once, by a profile.

The exit codes are those of sysexits.h, which callers look at: 75 says that the same may work later.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mailward.cli import passwords
from mailward.cli.client_options import arguments_of, auth_of
from mailward.cli.profiles import profile, profile_option
from mailward.cli.sendmail_arguments import SendmailArguments, parse_arguments
from mailward.errors import (
    AuthError,
    InputError,
    MailwardError,
    OutcomeUnknown,
    RecipientsRefused,
)

if TYPE_CHECKING:
    from typing import BinaryIO

    from mailward.cli.profile_file import Profile
    from mailward.client.facade_sync import Client
    from mailward.client.how import SendArguments

OK, USAGE, DATA, NO_USER, UNAVAILABLE, TEMPORARY, NO_PERMISSION, CONFIG = 0, 64, 65, 67, 69, 75, 77, 78
_MOST: Final = 1 << 28  # octets of a message
_LINE: Final = 1 << 20  # octets that are read of a line at once
_DEFAULT: Final = "default"
_OURS: Final = frozenset({"--profile", "--via", "--password-file", "--help"})


class _Command(click.Command):
    """Our own options stand before sendmail's: what a program passes on of strangers is never read as one of ours."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ours = 0
        while ours < len(args) and args[ours].partition("=")[0] in _OURS:
            ours += 1 if "=" in args[ours] or args[ours] == "--help" else 2
        rest = super().parse_args(ctx, args[:ours])
        ctx.params["arguments"] = tuple(args[ours:])
        return rest


@click.command(
    "sendmail",
    cls=_Command,
    short_help="Be /usr/sbin/sendmail.",
    options_metavar="[--profile NAME | --via URL]",
    context_settings={"help_option_names": ["--help"]},
)
@profile_option
@click.option("--via", envvar="MAILWARD_VIA", metavar="URL", help="A server, instead of a profile.")
@passwords.password_file_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[SENDMAIL'S OPTIONS] [RECIPIENT]...")
def command(*, profile: str | None, via: str | None, password_file: Path | None, arguments: tuple[str, ...]) -> int:
    """Read a message from standard input and send it, with sendmail's options: -t -i -f -F -N -R -V -bs.

    The server is that of --via, of --profile, or of the profile "default". Everything goes out at once; there is no
    queue. Exit codes as in sysexits.h: 75 when the same may work later.
    """
    try:
        asked = parse_arguments(arguments)
    except InputError as error:
        return _ended(error, USAGE)
    try:
        chosen = _profile(profile, via)
        client = _client(chosen, password_file)
    except InputError as error:
        return _ended(error, CONFIG)
    try:
        if asked.session:
            from mailward.cli.sendmail_session import serve  # noqa: PLC0415 - seldom used

            serve(client, sys.stdin.buffer, sys.stdout.buffer)
            return OK
        return _send(client, asked, chosen)
    finally:
        client.close()


def _profile(name: str | None, via: str | None) -> Profile:
    if via and not name:
        from mailward.cli.profile_file import Profile  # noqa: PLC0415 - msgspec, which --help does not need

        return Profile(via=via)
    return profile(name or _DEFAULT)


def _client(chosen: Profile, password_file: Path | None) -> Client:
    from mailward.client.facade_sync import Client  # noqa: PLC0415 - loads what only sending needs

    file = password_file or (Path(chosen.password_file).expanduser() if chosen.password_file else None)
    arguments = arguments_of({}, chosen)
    arguments["auth"] = auth_of(chosen.via, chosen.user, file)
    return Client(chosen.via, **arguments)


def _send(client: Client, asked: SendmailArguments, chosen: Profile) -> int:
    from mailward.cli.sendmail_message import completed  # noqa: PLC0415

    try:
        content, sender, recipients = completed(
            _read(dots=asked.dots), asked, default=chosen.sender or os.environ.get("EMAIL")
        )
        client.send(content, sender=sender, recipients=recipients, **_how(asked)).raise_for_recipients()
    except MailwardError as error:
        return _ended(error, _exit_code(error))
    return OK


def _read(*, dots: bool) -> bytes:
    """dots: until a line with a dot alone."""
    source = sys.stdin.buffer
    data = _until_a_dot(source) if dots else source.read(_MOST + 1)
    if len(data) > _MOST:
        raise InputError(f"the message has more than {_MOST >> 20} MiB")
    return data


def _until_a_dot(source: BinaryIO) -> bytes:
    lines: list[bytes] = []
    size, begins = 0, True
    while size <= _MOST and (line := source.readline(_LINE)):
        if begins and line in (b".\n", b".\r\n", b"."):
            break
        begins = line.endswith(b"\n")
        size += len(line)
        lines.append(line)
    return b"".join(lines)


def _how(asked: SendmailArguments) -> SendArguments:
    from mailward.client.how import Dsn  # noqa: PLC0415

    if asked.notify is None and asked.ret is None and asked.envid is None:
        return {}
    return {"dsn": Dsn(notify=asked.notify or "failure,delay", ret=asked.ret or "headers", envid=asked.envid)}


def _exit_code(error: MailwardError) -> int:
    if isinstance(error, OutcomeUnknown):
        return UNAVAILABLE  # "later" would make the caller send it twice
    if isinstance(error, RecipientsRefused) and error.outcome == "partial":
        return NO_USER  # so would it here, to those who have it
    if error.retryable:
        return TEMPORARY
    if isinstance(error, RecipientsRefused):
        return NO_USER
    if isinstance(error, AuthError):
        return NO_PERMISSION
    return DATA if isinstance(error, InputError) else UNAVAILABLE


def _ended(error: MailwardError, code: int) -> int:
    from mailward.cli.entry import show  # noqa: PLC0415 - it imports the commands

    show(error)
    return code
