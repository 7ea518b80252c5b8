"""The arguments of a sendmail program."""

from __future__ import annotations

import pytest

from mailward.cli.sendmail_arguments import SendmailArguments, parse_arguments
from mailward.errors import InputError

BOB = "bob@example.test"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (f"{BOB} eve@example.test", SendmailArguments(recipients=(BOB, "eve@example.test"))),
        ("-t -i", SendmailArguments(from_header=True, dots=False)),
        ("-ti", SendmailArguments(from_header=True, dots=False)),
        ("-t -oi -fann@example.test", SendmailArguments(from_header=True, dots=False, sender="ann@example.test")),
        ("-f ann@example.test -- -odd", SendmailArguments(sender="ann@example.test", recipients=("-odd",))),
        (f"-f <> {BOB}", SendmailArguments(sender="", recipients=(BOB,))),
        (f"-bm -odb -oem -n -v -B 8BITMIME -O DeliveryMode=b -q1h {BOB}", SendmailArguments(recipients=(BOB,))),
        ("-FAnn -bs", SendmailArguments(full_name="Ann", session=True)),
        ("-N never -R hdrs -V E1", SendmailArguments(notify="never", ret="headers", envid="E1")),
        (f"{BOB} -t", SendmailArguments(recipients=(BOB, "-t"))),
    ],
    ids=str,
)
def test_what_programs_give(typed: str, found: SendmailArguments) -> None:
    """Values joined or apart; what changes nothing here is taken; options end at the first address or `--`."""
    assert parse_arguments(tuple(typed.split())) == found


@pytest.mark.parametrize("typed", ["-bp", "-bd", "-bi", "-f", "-R all", "-Z", "-tx", "--help-me"])
def test_what_is_refused(typed: str) -> None:
    """What asks for something that would not happen."""
    with pytest.raises(InputError, match="-"):
        parse_arguments(tuple(typed.split()))
