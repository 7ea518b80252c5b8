"""What a new password must be."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.accounts.policy import check, generate
from mailward.sasl.saslprep import prepare_password

ANN = "ann.miller@wonderful-shop.example"
HOST = "smtp1.hosting-company.example"


def reasons(password: str, *words: str) -> str:
    return " | ".join(check(password, account=ANN, hostname=HOST, words=words))


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "kite-9f3m-amber-72qd-otter",
        "my dentist hates purple umbrellas",
        "пароль совсем не про погоду",
        "七つの海を渡る小さな船と大きな夢を見る",
        "ohne ziffern und ohne grosse buchstaben",
        "q7!Vx2#Lm9@Rt4$Zb",
        "the quick red panda jumps over 256 lazy cats" + " and more" * 5,
    ],
)
def test_good_passwords(password: str) -> None:
    """Long and not guessable is enough: any script, spaces, no rules of composition."""
    assert check(password, account=ANN, hostname=HOST) == ()


@pytest.mark.parametrize(
    "password,reason",
    [
        ("", "it has 0 characters; 15 is the least"),
        ("x", "it has 1 character; 15 is the least"),
        ("Xq7!vR2#mK9$zT", "it has 14 characters; 15 is the least"),
        ("purple umbrella " * 17, "it has 272 characters; 256 is the most"),
        ("\U00010400" * 257, "it has 1028 octets in UTF-8; 1024 is the most"),
        ("my dentist\thates umbrellas", "control character"),
        ("my dentist hates umbrellas\n", "control character"),
        ("my dentist\x00hates umbrellas", "control character"),
        ("my dentist hates \u202eumbrellas", "mail programs cannot use it"),
        ("my dentist hates \udcffumbrellas", "mail programs cannot use it"),
        ("aaaaaaaaaaaaaaaaaaaa", "1 different characters only"),
        ("abababababababababab", "2 different characters only"),
        ("purple7purple7purple7purp", "one piece repeated"),
        ("abcdefghijklmnopqrst", "a sequence such as abcd"),
        ("98765432109876543210", "a sequence such as abcd"),
        ("aaaaabbbbbcccccddddde", "a sequence such as abcd"),
        ("password1234567", "easy to guess"),
        ("qwertyuiopasdfgh", "easy to guess"),
        ("Passwort Passwort!", "one piece repeated"),
        ("i-love-you i_love_you", "one piece repeated"),
        (f"my dentist and {ANN} went", "it holds the account's name (ann.miller@wonderful-shop.example)"),
        ("my dentist hates Ann.Miller now", "it holds the account's name (ann.miller)"),
        ("my dentist hates WONDERFUL-SHOP", "it holds the account's domain (wonderful-shop)"),
        ("the dentist of hosting-company", "it holds this server's name (hosting-company)"),
        ("my dentist hates SMTP1 umbrellas", "it holds this server's name (smtp1)"),
        ("my dentist hates Initech umbrellas", "it holds a word that is known here (initech)"),
    ],
)
def test_refused_passwords(password: str, reason: str) -> None:
    """Each rule says what is wrong in plain words."""
    assert reason in reasons(password, "Initech")


def test_short_words_and_the_top_level_domain_are_no_reason() -> None:
    """Ann may use a channel, and example.example is everybody's ending."""
    account = "ann@shop.example"

    assert check("the channel has an example of rain", account=account, hostname="mx.shop.example") == ()


def test_every_reason_at_once() -> None:
    """Nobody has to try six times to hear six rules."""
    told = check("ann.miller\t", account=ANN, hostname=HOST)

    assert len(told) == 4
    assert [word for word in ("characters", "control", "holds", "guess") for reason in told if word in reason]


def test_advice_comes_with_it() -> None:
    """What would help is said with what is wrong."""
    assert "Add another word or two" in reasons("password1234567")
    assert "four random words" in reasons("short")


def test_an_enormous_password_is_refused_quickly() -> None:
    """A megabyte is two reasons, not a minute."""
    assert "1048576 characters" in reasons("ab" * 524_288)


@given(st.text(max_size=300))
def test_it_never_fails(password: str) -> None:
    """Any text has an answer, one printable line each, and what is good can be stored."""
    told = check(password, account=ANN, hostname=HOST)

    assert all(reason.isprintable() for reason in told)
    if not told:
        prepare_password(password)


def test_no_reason_shows_the_password() -> None:
    """A reason may end up in a log."""
    assert "canary" not in reasons("canary-canary-canary")
    assert "canary" not in reasons("\x00canary")


def test_generated_passwords_are_good() -> None:
    """Readable groups, all different, always taken, also when the account's name is one of the words."""
    made = {generate(account="otter@kite.example", hostname="amber.example") for _ in range(60)}

    assert len(made) == 60
    group = "[2-9a-hjkmnp-z]{4}"
    assert all(re.fullmatch(rf"[a-z]+-{group}-[a-z]+-{group}-[a-z]+", password) for password in made)
    assert all(check(password, account="otter@kite.example", hostname="amber.example") == () for password in made)
    assert not any(word in password for password in made for word in ("otter", "kite", "amber"))
