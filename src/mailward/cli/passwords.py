"""Where a command takes a password from: a file, standard input, the environment or the terminal; never an argument."""

from __future__ import annotations

import io
import stat
import sys
from pathlib import Path

import click

from mailward.errors import InputError
from mailward.secret import Secret

_MOST_CHARACTERS = 4096

password_file_option = click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read the password from the first line of FILE.",
)


def from_file(path: Path) -> Secret:
    """The first line. Raises InputError; warns of a file that others can read."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            mode = path.stat().st_mode
            secret = _first_line(file.read(_MOST_CHARACTERS + 2), str(path))
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text", phase="password") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", phase="password") from error
    if stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        click.echo(f"mailward: warning: others can read {path}; chmod 600 {path}", err=True)
    return secret


def from_stdin() -> Secret:
    """The first line of standard input. Raises InputError."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="strict")  # whatever the locale
    try:
        return _first_line(sys.stdin.read(_MOST_CHARACTERS + 2), "standard input")
    except UnicodeDecodeError:
        raise InputError("standard input is not UTF-8 text", phase="password") from None


def from_terminal(prompt: str, *, twice: bool = False) -> Secret | None:
    """Asked for and not shown; None when there is no terminal to ask on."""
    if not sys.stdin.isatty():
        return None
    answer: str = click.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=True)
    return Secret(answer)


def _first_line(text: str, where: str) -> Secret:
    line = text.partition("\n")[0].removesuffix("\r")
    if not line:
        raise InputError(f"there is no password in {where}", phase="password")
    if len(line) > _MOST_CHARACTERS:
        raise InputError(f"the password in {where} has more than {_MOST_CHARACTERS} characters", phase="password")
    return Secret(line)
