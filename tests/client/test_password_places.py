"""A password from a file, the environment or the keyring, read anew for each login."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from mailward.client.password_places import Environment, Keyring, PasswordFile
from mailward.client.passwords import SecretSource
from mailward.errors import AuthError, InputError
from mailward.net.ports import Ports
from mailward.secret import Secret
from tests.support.drivers import Driver, both_drivers

CANARY = "canary-0c77"


def read(driver: Driver, source: SecretSource) -> str:
    async def flow(ports: Ports) -> str:
        return (await source.read(ports, user="ann", host="smtp.example.test", until=ports.now() + 5)).reveal()

    return driver.run(flow)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ann.password"
    path.touch(mode=0o600)
    return path


@both_drivers
def test_the_first_line_of_a_file(driver: Driver, file: Path) -> None:
    """Without its line end, in UTF-8, as it is now and not as it was."""
    source = PasswordFile(file)
    for octets, password in (
        (b"one\ntwo\n", "one"),
        ("grün\r\n".encode(), "grün"),
        (b" spaces stay ", " spaces stay "),
    ):
        file.write_bytes(octets)
        assert read(driver, source) == password
    assert source.refused(Secret("one"), "smtp.example.test")


@both_drivers
def test_a_file_that_others_can_use(driver: Driver, file: Path) -> None:
    """Refused, and taken only where the danger is named."""
    file.write_text(CANARY)
    file.chmod(0o644)

    with pytest.raises(InputError, match="others can use the password file") as caught:
        read(driver, PasswordFile(file))
    assert CANARY not in str(caught.value)
    assert read(driver, PasswordFile(str(file), insecure_mode=True)) == CANARY


@both_drivers
@pytest.mark.parametrize(
    ("octets", "problem"),
    [
        (b"", "first line is empty"),
        (b"\nx", "first line is empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * 20000, "more than"),
    ],
    ids=["empty", "late", "latin", "long"],
)
def test_a_file_without_a_password(driver: Driver, file: Path, octets: bytes, problem: str) -> None:
    """What is wrong with it is told."""
    file.write_bytes(octets)
    with pytest.raises(InputError, match=problem) as caught:
        read(driver, PasswordFile(file))
    assert caught.value.phase == "auth"


@both_drivers
def test_the_environment(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable as it is at the login; a missing or empty one is told by its name."""
    source = Environment("SMTP_PASSWORD")
    monkeypatch.delenv("SMTP_PASSWORD", raising=False)
    with pytest.raises(InputError, match="no SMTP_PASSWORD"):
        read(driver, source)
    monkeypatch.setenv("SMTP_PASSWORD", CANARY)
    assert read(driver, source) == CANARY


class Chest(KeyringBackend):
    """A keyring in memory: what a desktop's is to the library."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("the collection is locked")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


@pytest.fixture
def chest() -> Iterator[Chest]:
    before, chest = keyring.get_keyring(), Chest()
    keyring.set_keyring(chest)
    yield chest
    keyring.set_keyring(before)


@both_drivers
def test_the_keyring(driver: Driver, chest: Chest) -> None:
    """By the service that is named, or by the server's name; always the entry of the user who logs in."""
    keyring.set_password("smtp.example.test", "ann", "by host")
    keyring.set_password("mail", "ann", "by service")

    assert read(driver, Keyring()) == "by host"
    assert read(driver, Keyring("mail")) == "by service"
    with pytest.raises(InputError, match="no password for work ann") as caught:
        read(driver, Keyring("work"))
    assert caught.value.advice == "put it there: keyring set work ann"
    chest.locked = True
    with pytest.raises(AuthError, match="KeyringLocked: the collection is locked"):
        read(driver, Keyring())


@both_drivers
def test_without_the_library(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra that brings it is named."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(InputError, match="needs the library keyring") as caught:
        read(driver, Keyring())
    assert "mailward[keyring]" in caught.value.advice
