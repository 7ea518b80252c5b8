"""The set of breached passwords: what comes along, what the user built, what a service knows."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from mailward.accounts.breached import SHIPPED, BreachedSet, Found, breached_of, shipped
from mailward.accounts.breached_build import build
from mailward.accounts.breached_filter import BreachedFilter
from mailward.accounts.rules import PasswordRules
from mailward.errors import AuthUnavailable, InputError

SERVICE = "https://range.example.test/range"


def known_to_service(url: str, timeout: float) -> bytes:
    digest = hashlib.sha1(b"canary-kite", usedforsecurity=False).hexdigest().upper()
    return f"{digest[5:]}:1\n".encode() if url == f"{SERVICE}/{digest[:5]}" else b"0" * 35 + b":0"


def own(folder: Path, *passwords: str) -> str:
    build(io.BytesIO("\n".join(passwords).encode()), folder / "own.filter")
    return str(folder / "own.filter")


@pytest.mark.parametrize("password", ["password", "123456", "qwertyuiop", "letmein", "Password1", "1qaz2wsx"])
def test_the_shipped_list(password: str) -> None:
    """What everybody chooses is in it."""
    assert BreachedSet(shipped()).find(password).exact


@pytest.mark.parametrize(
    "password", ["Summer2024!", "P4ssw0rd!!", "letmein-letmein", "Jennifer1987!!", "drowssaP_12345", "!!1l0v3y0u!!1987"]
)
def test_decoration_does_not_help(password: str) -> None:
    """Nor does what people put around it."""
    assert BreachedSet(shipped()).find(password) == Found(stem=True)


@pytest.mark.parametrize(
    "password", ["kite-9f3m-amber-72qd-otter", "panoramic-nectar-precut-smith-banana-handclap", "q7!Vx2#Lm9@Rt4$Zb"]
)
def test_what_is_random_is_not_known(password: str) -> None:
    """Neither as it is nor by its stems."""
    assert BreachedSet(shipped()).find(password) == Found()


def test_the_shipped_list_is_whole() -> None:
    """Its checksum is right, its size and its rate of false positives are what the documentation says."""
    known = BreachedFilter(SHIPPED)
    known.verify()

    assert known.header.entries > 400_000
    assert known.header.rate < 1e-6
    assert known.header.size < 2_000_000
    assert "MIT License" in SHIPPED.with_name("NOTICE").read_text()


def test_own_files(tmp_path: Path) -> None:
    """A filter built from a downloaded set counts besides the list, and by its stems too."""
    known = BreachedSet.of(PasswordRules.of(breached_files=(own(tmp_path, "lavendelwiese"),)))

    assert known.find("lavendelwiese").exact
    assert known.find("Lavendelwiese77!").stem
    assert known.find("password").exact


def test_the_list_can_be_switched_off(tmp_path: Path) -> None:
    """Then only the files count."""
    rules = PasswordRules.of(breached=False, breached_files=(own(tmp_path, "lavendelwiese"),))

    assert BreachedSet.of(rules).find("password") == Found()
    assert BreachedSet.of(rules).find("lavendelwiese").exact


def test_a_file_that_was_built_anew(tmp_path: Path) -> None:
    """It is opened again; one that has not changed is not."""
    rules = PasswordRules.of(breached_files=(own(tmp_path, "lavendelwiese"),))
    first = breached_of(rules)

    assert breached_of(rules) is first
    own(tmp_path, "mohnblumenfeld")
    assert breached_of(rules).find("mohnblumenfeld").exact
    assert not breached_of(rules).find("lavendelwiese").exact


def test_a_missing_file(tmp_path: Path) -> None:
    """Is an error, not a set that knows less."""
    rules = PasswordRules.of(breached_files=(str(tmp_path / "missing.filter"),))

    with pytest.raises(InputError, match=r"missing\.filter"):
        breached_of(rules)


def test_the_service_is_off() -> None:
    """Nobody is asked unless the rules name one."""

    def fetch(url: str, timeout: float) -> bytes:
        raise AssertionError

    assert BreachedSet.of(PasswordRules.of(), fetch=fetch).find("a stranger") == Found()


def test_the_service_knows_more() -> None:
    """It is asked for what nothing here knows, for the password and not for its stems."""
    known = BreachedSet.of(PasswordRules.of(breached_range_service=SERVICE), fetch=known_to_service)

    assert known.find("canary-kite") == Found(exact=True)
    assert known.find("Canary-kite99") == Found()


def test_a_service_that_fails_is_a_warning() -> None:
    """The password is judged by what is here."""

    def fetch(url: str, timeout: float) -> bytes:
        raise AuthUnavailable("it answered 503", phase="password")

    known = BreachedSet.of(PasswordRules.of(breached_range_service=SERVICE), fetch=fetch)

    assert known.find("a stranger") == Found(warnings=("range.example.test could not be asked: it answered 503",))
    assert known.find("password") == Found(exact=True)
