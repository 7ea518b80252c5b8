"""The arguments of a sendmail program, read as getopt does; those that change nothing here are taken and forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mailward.errors import InputError
from mailward.printable import printable

_WITH_VALUE: Final = frozenset("ABCFLNORVXbefhopr")  # -fann and -f ann are the same
_JOINED_VALUE: Final = frozenset("dq")  # -q1h: queue runs; here there is no queue
_FLAGS: Final = frozenset("EGUcimnstv")  # -ti and -t -i are the same
_MODES: Final = frozenset({"m", "s"})


@dataclass(slots=True)
class SendmailArguments:
    """`sender`: "" is the null reverse-path, None was not said. `dots`: a line with a dot alone ends the message."""

    recipients: tuple[str, ...] = ()
    sender: str | None = None
    full_name: str | None = None
    from_header: bool = False
    dots: bool = True
    session: bool = False
    notify: str | None = None
    ret: str | None = None
    envid: str | None = None


def parse_arguments(arguments: tuple[str, ...]) -> SendmailArguments:
    """Raises InputError for what asks for something this program does not do."""
    found = SendmailArguments()
    rest = list(arguments)
    while rest and len(rest[0]) > 1 and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        _read(found, word[1:], rest)
    found.recipients = tuple(rest)
    return found


def _read(found: SendmailArguments, letters: str, rest: list[str]) -> None:
    """One word: flags, of which the last may take what follows, or the next word, as its value."""
    for place, letter in enumerate(letters, 1):
        value = letters[place:]
        if letter in _WITH_VALUE:
            if not value and not rest:
                raise InputError(f"-{letter} needs a value", phase="options")
            _take(found, letter, value or rest.pop(0))
            return
        if letter in _JOINED_VALUE:
            return
        if letter not in _FLAGS:
            raise InputError(f"-{printable(letters[place - 1 :], 40)} is no option of sendmail", phase="options")
        _take(found, letter, "")


def _take(found: SendmailArguments, letter: str, value: str) -> None:
    take = _TAKERS.get(letter)
    if take is not None:
        take(found, value)


def _sender(found: SendmailArguments, value: str) -> None:
    found.sender = "" if value == "<>" else value


def _full_name(found: SendmailArguments, value: str) -> None:
    found.full_name = value


def _from_header(found: SendmailArguments, _value: str) -> None:
    found.from_header = True


def _no_dots(found: SendmailArguments, _value: str) -> None:
    found.dots = False


def _old_option(found: SendmailArguments, value: str) -> None:
    if value in ("i", "IgnoreDots", "IgnoreDots=true"):
        found.dots = False


def _mode(found: SendmailArguments, value: str) -> None:
    if value not in _MODES:
        shown = printable(value, 20)
        raise InputError(f"-b{shown} is not done here", phase="options", advice="see mailward queue, mailward outbox")
    found.session = value == "s"


def _notify(found: SendmailArguments, value: str) -> None:
    found.notify = value


def _ret(found: SendmailArguments, value: str) -> None:
    if value.lower() not in _RET:
        raise InputError("-R is full or hdrs", phase="options")
    found.ret = _RET[value.lower()]


def _envid(found: SendmailArguments, value: str) -> None:
    found.envid = value


_RET: Final = {"full": "full", "hdrs": "headers"}
_TAKERS: Final[dict[str, Callable[[SendmailArguments, str], None]]] = {
    "f": _sender,
    "r": _sender,
    "F": _full_name,
    "t": _from_header,
    "i": _no_dots,
    "o": _old_option,
    "O": _old_option,
    "b": _mode,
    "N": _notify,
    "R": _ret,
    "V": _envid,
}
