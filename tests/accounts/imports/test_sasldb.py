"""Cyrus SASL's database."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mailward.accounts.imported import BadLine, Entry, Skipped, numbered
from mailward.accounts.imports.sasldb import FORMAT
from mailward.errors import InputError

HEADER = "VERSION=3\nformat=print\ntype=hash\nHEADER=END\n"


def read(text: str) -> list[Entry | Skipped | BadLine]:
    return list(FORMAT.read(numbered([text.encode()]), 0))


@pytest.mark.peer("sasldb", "db-dump")
@pytest.mark.parametrize("options", [["-p"], []])
def test_a_real_one(tmp_path: Path, options: list[str]) -> None:
    """What saslpasswd2 wrote and db_dump prints, printable or in hexadecimal, is read to the octet."""
    database = tmp_path / "sasldb2"
    passwords = {"ann": "pass word", "bob": "back\\slash", "eve": "zwölf=\\00"}
    for name, password in passwords.items():
        command = ["saslpasswd2", "-p", "-c", "-f", str(database), "-u", "example.test", name]
        subprocess.run(command, input=password.encode(), check=True)
    dump = subprocess.run(["db_dump", *options, str(database)], check=True, capture_output=True).stdout
    told = list(FORMAT.read(numbered([dump]), 0))

    found = {each.name: each.password.reveal() for each in told if isinstance(each, Entry) and each.password}
    assert found == {f"{name}@example.test": password for name, password in passwords.items()}


def test_other_properties() -> None:
    """Secrets of other mechanisms are passed over; a damaged pair is told by its line."""
    told = read(HEADER + " a\\00r\\00cmusaslsecretOTP\n x\n a\\00r\n x\n b\\00r\\00userPassword\n \nDATA=END\n")

    assert [type(each) for each in told] == [Skipped, BadLine, BadLine]
    assert [each.line for each in told] == [5, 7, 10]


@pytest.mark.parametrize("text", ["", "\x00\x06\x15", "ann:secret\n", HEADER, HEADER + " a\\00b\\00userPassword\n"])
def test_no_dump(text: str) -> None:
    """The database itself, another file, or half a dump: told, with the command that makes the right one."""
    with pytest.raises(InputError) as caught:
        read(text)

    assert "db_dump -p" in caught.value.advice


def test_half_a_pair() -> None:
    """A key without a value."""
    assert read(HEADER + " a\\00b\\00userPassword\nDATA=END\n") == [
        BadLine(5, "the dump ends between a key and its value")
    ]
