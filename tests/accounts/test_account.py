"""Accounts and their canonical names (rows S50 and S51 of the bad inputs)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.accounts.account import Account, AppPassword, StoredPassword, canonical, sender_key
from mailward.errors import InputError
from mailward.sasl.mechanism import ScramKeys
from mailward.wire.address import Mailbox


@pytest.mark.parametrize(
    "name,key",
    [
        ("ann@example.test", "ann@example.test"),
        ("Ann@Example.TEST", "ann@example.test"),
        ("JÖRG@example.test", "jörg@example.test"),
        ("jo\u0308rg@example.test", "jörg@example.test"),
        ("STRASSE@example.test", "strasse@example.test"),
        ("Straße@example.test", "strasse@example.test"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ('"ann"@example.test', "ann@example.test"),
        ("Scanner-2", "scanner-2"),
        ("DOMAIN\\ann", "domain\\ann"),
        ("\uff21\uff2e\uff2e", "ann"),
        ("a\u00adnn", "ann"),
        ("\u2126mega", "ωmega"),
        ("a\u03f9", "aσ"),
        ('"Ann X"@example.test', '"ann x"@example.test'),
        ('"a@b"@example.test', '"a@b"@example.test'),
        ('"a\\"b"@example.test', '"a\\"b"@example.test'),
    ],
)
def test_one_key_for_every_spelling(name: str, key: str) -> None:
    """Case, normalisation, quotes and the form of the domain do not make another account."""
    assert canonical(name) == key
    assert canonical(key) == key


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "admin ",
        " admin",
        "ann smith",
        "ann\u00a0smith",
        "ann\tsmith",
        "a\r\nReceived: evil",
        "user\x00",
        "user\u202e",
        "user\u2066x",
        "user\ue000",
        "user\udcff",
        "a" * 257,
        "a" * 1_048_576,
        "@",
        "@example.test",
        "ann@",
        "ann@@example.test",
        "ann@example..test",
        "ann@exa mple.test",
        "ann@192.0.2.7",
        "\u05d0a",
    ],
)
def test_what_can_be_no_account(name: str) -> None:
    """Controls, bidi, spaces and broken mailboxes are refused, and the error cannot harm a terminal."""
    with pytest.raises(InputError) as caught:
        canonical(name)

    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


_NAMES = st.text(max_size=40) | st.builds('"{}"@example.test'.format, st.text(max_size=12))


@given(_NAMES | st.builds("{}@example.test".format, st.text(max_size=12)))
def test_a_key_is_its_own_key(name: str) -> None:
    """Whatever has a key: the key has the same."""
    try:
        key = canonical(name)
    except InputError:
        return

    assert canonical(key) == key


@given(st.from_regex(r"\A[a-z0-9]{1,8}(@[a-z]{1,8}\.test)?\Z"))
def test_case_never_counts(name: str) -> None:
    """Every case of a plain name is one account."""
    assert canonical(name.upper()) == canonical(name.title()) == canonical(name) == name


def test_a_sender_is_a_mailbox() -> None:
    """Its key is the one the envelope is compared by."""
    assert sender_key("Sales@Bücher.example") == Mailbox.parse("sales@bücher.example").key
    with pytest.raises(InputError, match="'sales' is not a mailbox"):
        sender_key("sales")


def test_who_may_send_as_whom() -> None:
    """Only listed addresses, in any case."""
    account = Account("ann@example.test", (), ("ann@example.test",), 0.0, 0.0)

    assert account.may_send_as(Mailbox.parse("ANN@example.TEST"))
    assert not account.may_send_as(Mailbox.parse("bob@example.test"))


def test_an_account_shows_no_secret() -> None:
    """Neither verifiers, nor keys, nor the salt are in its repr; nor are those of an app password."""
    keys = ScramKeys(b"canary", 4096, b"canary", b"canary")
    password = StoredPassword(1, "canary", keys, 0.0)
    app = AppPassword(2, "phone", "abcdefgh", "canary", keys, frozenset({"smtp"}), (), 0.0)
    account = Account("ann", (password,), (), 0.0, 0.0, b"canary", 4096, (password,), (app,))

    assert "canary" not in repr(account)
    assert "ann" in repr(account)


def test_a_credential_is_found_by_its_id() -> None:
    """Passwords that are taken and app passwords; not the old ones."""
    present, old = StoredPassword(1, "v", None, 0.0, expires=9.0), StoredPassword(2, "v", None, 0.0)
    app = AppPassword(3, "phone", "abcdefgh", "d", None, frozenset({"smtp"}), (), 0.0)
    account = Account("ann", (present,), (), 0.0, 0.0, old=(old,), app_passwords=(app,))

    assert [account.credential(number) for number in (1, 2, 3)] == [present, None, app]
    assert (account.expires, Account("bob", (), (), 0.0, 0.0).expires) == (9.0, None)


def test_grace_is_between_two_moments() -> None:
    """Past its time and still taken; a password that never ends is never in it."""
    password = StoredPassword(1, "v", None, 0.0, due=10.0, expires=20.0)

    assert [password.in_grace(now) for now in (9.9, 10.0, 19.9, 20.0)] == [False, True, True, False]
    assert not StoredPassword(1, "v", None, 0.0).in_grace(99.0)
