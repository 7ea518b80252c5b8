"""What a new password must be."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mailward.accounts.breached import BreachedSet
from mailward.accounts.policy import characters, check, generate, judge, passphrase, reason_for_history
from mailward.accounts.rules import PasswordRules, Profile
from mailward.errors import AuthUnavailable
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
        ("my dentist hates 1n1t3ch umbrellas", "it holds a word that is known here (initech) in disguise"),
        ("my dentist hates i.n.i.t.e.c.h.", "it holds a word that is known here (initech) in disguise"),
        ("my dentist hates hcetinI umbrellas", "it holds a word that is known here (initech) backwards"),
        ("my dentist hates M1ller umbrellas", "it holds the account's name (miller) in disguise"),
        ("Summer2024!Summer", "it is built on a password known from a breach"),
        ("P4ssw0rd!!!!!!!!!2024", "it is built on a password known from a breach"),
        ("qwertyuiopasdfghjkl", "it is known from a breach, or many people choose it"),
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
    assert [next(reason for reason in told if word in reason) for word in ("characters", "control", "holds", "guess")]


def test_advice_comes_with_it() -> None:
    """What would help is said with what is wrong."""
    assert "Add another word or two" in reasons("password1234567")
    assert "four random words" in reasons("short")


def test_an_enormous_password_is_refused_quickly() -> None:
    """A megabyte takes milliseconds, also one that is slow to normalise."""
    assert "1048576 characters" in reasons("ab" * 524_288)
    began = time.perf_counter()
    for hostile in ("a" * (1 << 20), "\u0323\u0301" * (1 << 19), "\ufdfa" * (1 << 20), "a" + "\u0301\u0323" * 2000):
        assert "is the most" in reasons(hostile)
    for longest in ("\ufdfa" * 256, "a1" * 128, "!1|69$" * 42, "é" * 256):
        assert reasons(longest)

    assert time.perf_counter() - began < 2


@settings(deadline=None)
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


@pytest.mark.parametrize("profile", ["nist", "pci", "legacy"])
@pytest.mark.parametrize("second_factor", [False, True])
def test_what_is_made_keeps_every_profile(profile: Profile, second_factor: bool) -> None:
    """Words, characters and groups: the rules that they are made for take them."""
    rules = PasswordRules.of(profile)
    made = [generate(account=ANN, hostname=HOST, rules=rules) for _ in range(10)]
    for count in range(10):
        made.append(passphrase(4 + count % 4, rules=rules, account=ANN, second_factor=second_factor).password)
        made.append(characters(15 + count, rules=rules, account=ANN, second_factor=second_factor).password)

    assert [check(each, rules, account=ANN, second_factor=second_factor) for each in made] == [()] * 30


def test_what_is_made_keeps_the_hardest_settings() -> None:
    """All four classes, and a hundred characters at least."""
    rules = PasswordRules.of("legacy", character_classes=4, minimum_length=100)

    assert check(generate(account=ANN, rules=rules), rules, account=ANN) == ()
    assert check(passphrase(20, rules=rules).password, rules, account=ANN) == ()
    assert check(characters(100, rules=rules).password, rules, account=ANN) == ()


@pytest.mark.parametrize(
    "profile,second_factor,password,reason",
    [
        ("nist", True, "tmQ9-xLo", ""),
        ("nist", True, "tmQ9-xL", "7 characters; 8 is the least"),
        ("nist", False, "tmQ9-xLo", "8 characters; 15 is the least"),
        ("pci", True, "tmQ9-xLo-rB", "11 characters; 12 is the least"),
        ("pci", False, "tmQ9-xLo-rBe", ""),
        ("pci", False, "my dentist hates umbrellas", "at least one letter and one digit"),
        ("pci", False, "8302-7716-4029-5513", "at least one letter and one digit"),
        ("legacy", False, "tmQ9-xLo", ""),
        ("legacy", False, "my dentist hates umbrellas", "3 of these four are needed"),
        ("legacy", False, "Summer2024!", "built on a password known"),
    ],
)
def test_profiles(profile: Profile, second_factor: bool, password: str, reason: str) -> None:
    """Each has its own lengths and classes; what is easy to guess none takes."""
    told = check(password, PasswordRules.of(profile), account=ANN, second_factor=second_factor)

    assert (reason in " | ".join(told)) if reason else told == ()


def test_a_minimum_score() -> None:
    """zxcvbn's score is told, and how much of it is asked for is a setting."""
    breached = BreachedSet()
    rules = PasswordRules.of(minimum_length=8, minimum_score=0)
    judged = judge("password", rules, account=ANN, breached=breached)

    assert (judged.score, judged.reasons, judged.good) == (0, (), True)
    assert judge("my dentist hates purple umbrellas", account=ANN).score == 4


def test_words_of_the_rules() -> None:
    """They count besides those of the call."""
    rules = PasswordRules.of(words=("Initech",))
    told = check("initech and initrode are rivals", rules, account=ANN, words=("Initrode",))

    assert "(initech)" in " | ".join(told)
    assert check("initrode hates all my rivals", account=ANN, words=("Initrode",)) != ()


def test_a_service_that_fails() -> None:
    """It is a warning and no reason."""

    def fetch(url: str, timeout: float) -> bytes:
        raise AuthUnavailable("it answered 503", phase="password")

    rules = PasswordRules.of(breached_range_service="https://range.example.test/range")
    judged = judge("my dentist hates purple umbrellas", rules, account=ANN, breached=BreachedSet.of(rules, fetch=fetch))

    assert judged.good
    assert judged.warnings == ("range.example.test could not be asked: it answered 503",)


def test_reason_for_history() -> None:
    """Who knows the former passwords says it in these words."""
    assert "one of the last 5 passwords of this account" in reason_for_history(5)
    assert "it is the password of this account" in reason_for_history(1)


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(["nist", "pci", "legacy"]))
def test_one_spelling(password: str, profile: Profile) -> None:
    """Composed and decomposed, it is the same password with the same answer."""
    assume(len(unicodedata.normalize("NFD", password)) < 4000)
    rules = PasswordRules.of(profile)
    told = {check(unicodedata.normalize(form, password), rules, account=ANN) for form in ("NFC", "NFD")}

    assert len(told) == 1


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.lists(st.text(max_size=20), max_size=3), st.booleans())
def test_it_never_fails_whoever_it_is_for(account: str, hostname: str, words: list[str], second_factor: bool) -> None:
    """Names and words are any text too, and a good password made for them is one."""
    told = judge(account + hostname, account=account, hostname=hostname, words=words, second_factor=second_factor)

    assert all(reason.isprintable() for reason in told.reasons)
    assert 0 <= told.score <= 4


def test_names_that_cannot_be_shown() -> None:
    """Half a surrogate or a control character in a name is escaped in the reason."""
    told = check("my \udcfe\x1bhost is secret", account="ann", hostname="\udcfe\x1bhost")

    assert "this server's name (\\udcfe\\x1bhost)" in " | ".join(told)
