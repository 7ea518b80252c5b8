"""App passwords: their form, and finding the one that was given."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.accounts.account import Account, AppPassword
from mailward.accounts.app_passwords import checked_label, checked_scopes, has_form, matching, mint
from mailward.errors import InputError
from mailward.secret import Secret


def account_with(*digests: tuple[str, str]) -> Account:
    apps = tuple(
        AppPassword(number, f"app {number}", selector, digest, None, frozenset({"smtp"}), (), 0.0)
        for number, (selector, digest) in enumerate(digests)
    )
    return Account("ann", (), (), 0.0, 0.0, app_passwords=apps)


def test_they_have_one_form_and_no_two_are_alike() -> None:
    """120 random bits behind a selector of 40; neither the digest nor the repr tells the password."""
    made = [mint() for _ in range(200)]

    assert all(re.fullmatch("mw-[a-z2-7]{8}-[a-z2-7]{24}", each.password.reveal()) for each in made)
    assert len({each.selector for each in made}) == len({each.digest for each in made}) == 200
    assert all(each.password.reveal()[-24:] not in repr(each) for each in made)


def test_the_right_one_is_found() -> None:
    """By its selector, and only when all of it is right."""
    first, second = mint(), mint()
    account = account_with((first.selector, first.digest), (second.selector, second.digest))

    assert matching(account, second.password) == account.app_passwords[1]
    crossed = f"mw-{first.selector}-{second.password.reveal()[-24:]}"
    for wrong in (crossed, mint().password.reveal(), first.password.reveal().upper(), first.password.reveal() + " "):
        assert matching(account, Secret(wrong)) is None


@given(st.text(max_size=60) | st.from_regex(r"\Amw-[a-z2-7]{8}-[a-z2-7]{24}\Z"))
def test_whatever_else_is_none(text: str) -> None:
    """Any text is looked at and is nobody's; only the form has the form."""
    made = mint()

    assert matching(account_with((made.selector, made.digest)), Secret(text)) is None
    assert has_form(Secret(text)) == (re.fullmatch("mw-[a-z2-7]{8}-[a-z2-7]{24}", text) is not None)


@given(st.text(max_size=80))
def test_a_label_is_one_short_line(text: str) -> None:
    """It is taken without the space around it, or refused with an error that is one line too."""
    try:
        label = checked_label(text)
    except InputError as error:
        assert str(error).isprintable()
    else:
        assert label == text.strip()
        assert label.isprintable()
        assert 1 <= len(label) <= 64


def test_scopes_are_known_ones() -> None:
    """An unknown scope, or none, is told with those there are."""
    assert checked_scopes(frozenset({"smtp", "imap"})) == {"smtp", "imap"}
    for wrong in (frozenset[str](), frozenset({"smtp", "root"})):
        with pytest.raises(InputError) as caught:
            checked_scopes(wrong)
        assert "imap, pop3, sieve, smtp" in caught.value.advice
