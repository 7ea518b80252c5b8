"""The command `mailward`: its sub-commands, and the one place that tells how a run ended."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

import click

from mailward.cli import streams
from mailward.cli.exit_codes import EPILOG, INTERRUPTED, OK, USAGE, exit_code
from mailward.errors import InputError, InvalidConfig, MailwardError, PasswordRefused
from mailward.printable import printable

_COMMANDS = (
    "demo",
    "serve",
    "check-config",
    "send",
    "merge",
    "sendmail",
    "check",
    "discover",
    "user",
    "mail",
    "queue",
    "events",
    "bans",
    "why",
    "guard",
    "explain",
    "drill",
    "connect",
    "password",
    "breached",
    "memory",
    "tls-report",
    "dkim",
    "outbox",
)
_LONGEST_LINE = 2000
_ARGUMENT = re.compile(
    r"\b(tls|ca|pin|cert|timeout|local_address|proxy|ehlo_name|to|message|dsn|requiretls|hold|deliver_by|priority)="
    r"(?:\"([a-z]+|sha256/[A-Za-z0-9+/=]+)\")?(?![\w(])"
)
_WORDS = {  # words for a Python caller, and those for one who types
    "give at least one in recipients=": "give --to",
    "give sender=": "give --from",
    "add From, or give the sender explicitly": "add From, or give --from",
    "add Sender, or give the sender explicitly": "add Sender, or give --from",
    "add To, or give the recipients explicitly": "add To, or give --to",
    "give the envelope explicitly": "give --from and --to",
    "give the sender explicitly": "give --from",
    "timeout total:": "--timeout:",
    "give auth=(user, password)": "give --password-file FILE or MAILWARD_PASSWORD",
    "give auth= or a URL with user and password": "give --user, or smtps://user@host",
    "give an EmailMessage, whose bodies are encoded as needed, or encode": "encode",
}


class _Commands(click.Group):
    """A sub-command's module is loaded when it is asked for; it holds a `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(f"mailward.cli.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)  # noqa: S101 - a module that has none is a bug
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        near = get_close_matches(args[0], _COMMANDS, n=1) if args and args[0] not in _COMMANDS else []
        if near:
            ctx.fail(f"there is no command {args[0]!r}; did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)


@click.command(cls=_Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mailward", message="mailward %(version)s")
def mailward() -> None:
    """Secure SMTP: send mail, serve submission, watch who tries to get in.

    Begin with `mailward demo`, then `mailward serve`.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code. No error is a stack trace: each is one line, and what to do next."""
    streams.prepare()
    if arguments is None and Path(sys.argv[0]).name == "sendmail":  # by a link of that name
        arguments = ["sendmail", *sys.argv[1:]]
    code = _run(arguments)
    streams.finish()
    return code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = mailward.main(arguments, prog_name="mailward", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        streams.say_error("interrupted")
        return INTERRUPTED
    except MailwardError as error:
        show(error)
        return exit_code(error)
    except (BrokenPipeError, SystemExit):  # click makes the latter of the former: the reader has left, and has enough
        streams.abandon(sys.stdout)
        return OK
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _line(f"{where}{error.strerror or error}")
        return USAGE
    return code if isinstance(code, int) else OK


def show(error: MailwardError) -> None:
    """On standard error: what happened, then what to do."""
    match error:
        case PasswordRefused():
            _line("the password is refused:")
            for reason in error.reasons:
                streams.say_error(f"  - {printable(reason, _LONGEST_LINE)}")
        case InvalidConfig():
            for each in (error, *getattr(error, "others", ())):
                _line(each.message)
        case InputError():
            _line(in_options(error.message))  # ours alone; in what a server said nothing is changed
        case _:
            _line(error.message)
    if error.advice and error.advice not in error.message:
        streams.say_error(f"  → {printable(in_options(error.advice), _LONGEST_LINE)}")


def in_options(advice: str) -> str:
    """What is an argument to a Python caller is an option here: `ca=` is --ca."""
    for python, typed in _WORDS.items():
        advice = advice.replace(python, typed)
    return _ARGUMENT.sub(lambda match: f"--{match[1].replace('_', '-')}{' ' + match[2] if match[2] else ''}", advice)


def _line(message: str) -> None:
    streams.say_error(f"mailward: {printable(message, _LONGEST_LINE)}")
