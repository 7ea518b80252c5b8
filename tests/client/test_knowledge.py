"""What a reply means: of the providers that are known, else by its codes, and never a guess as advice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.client.knowledge import Explanation, Known, _known, advice_for, by_code, explain
from mailward.errors import InputError
from mailward.wire.reply import Reply

TENANT = (
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. "
    "Visit https://aka.ms/smtp_auth_disabled for more information. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com]"
)


@pytest.mark.parametrize(
    ("reply", "provider", "words"),
    [
        (TENANT, "Microsoft 365", "whole organisation"),
        ("535 5.7.139 something new", "Microsoft 365", "does not allow this way"),
        ("535-5.7.8 Username and Password not accepted. For more information, go to", "Gmail", "app password"),
        ("550 5.7.26 Your email has been blocked because the sender is unauthenticated.", "", "SPF and DKIM"),
        ("554 5.7.1 <bob@example.test>: Relay access denied", "Postfix", "not logged in"),
        ("550 relay not permitted", "Exim", "not logged in"),
        ("535 Authentication Credentials Invalid", "Amazon SES", "SMTP user name"),
        ("454 4.7.0 Too many failed logins, try again later", "Mailward", "Too many wrong passwords"),
        ("451 4.7.1 Greylisting in action, please come back later", "", "hear it again"),
        ("599 9.9 5.7.11 what", "", "TLS first"),
        ("421 busy", "", "ends the session"),
        ("smtp said: 552 too big", "", "too long"),
    ],
)
def test_the_likeliest_explanation_comes_first(reply: str, provider: str, words: str) -> None:
    """A reply as it was said, or as somebody's log has it."""
    first = explain(reply)[0]

    assert first.provider == provider
    assert words in f"{first.cause} {first.fix}"
    assert first.fix


def test_the_host_decides_between_providers() -> None:
    """The same words mean another thing elsewhere."""
    said = "535 5.7.8 Error: authentication failed"

    assert explain(said, host="smtp.mail.me.com")[0].provider == "iCloud"
    assert explain(said, host="mail.example.test")[0].provider != "iCloud"
    assert explain(said, host="eviltricks-mail.me.com.example")[0].provider != "iCloud"


def test_what_is_no_reply_is_refused() -> None:
    """A text without a code explains nothing."""
    with pytest.raises(InputError, match="no reply code"):
        explain("hello\x1b[2J")


def test_advice_is_not_guessed() -> None:
    """Only what is surely known becomes the advice of an error; a bare 550 has none."""
    known = advice_for(Reply(535, TENANT[12:], "5.7.139"), host="smtp.office365.com")

    assert known is not None
    assert "OAuth2.microsoft" in known
    assert advice_for(Reply(550, "no", "5.7.1")) is None
    assert advice_for(Reply(550, "no")) is None


@pytest.mark.parametrize("known", _known(), ids=lambda known: f"{known.provider}-{known.enhanced or known.code}")
def test_each_table_explains_its_own_reply(known: Known) -> None:
    """None is hidden by another: its own words, from its own host, lead to it first or to one that says the same."""
    said = " ".join(map(str, filter(None, (known.code, known.enhanced, *known.text))))
    host = f"mx.{known.hosts[0]}" if known.hosts else ""
    explanations = explain(said, host=host)

    assert Explanation(known.cause, known.fix, known.provider, known.link) in explanations
    assert all(each.cause.endswith(".") and each.fix.endswith(".") for each in explanations)


def test_codes_by_their_standards() -> None:
    """The enhanced code says more than the reply code; neither known, nothing is said."""
    assert by_code(550, "5.1.1") == Explanation(
        "The recipient does not exist (5.1.1).",
        "Sending the same again will not help; change what the reply names.",
    )
    assert by_code(450, "4.7.999") is not None
    assert by_code(450, None) is not None
    assert explain("250 2.0.0 OK")[0].fix == "Nothing to do."
    assert by_code(499, None) is None
    assert by_code(None, None) is None


@given(st.text(max_size=300))
def test_any_text_is_explained_or_refused(text: str) -> None:
    """Whatever is pasted: an explanation or InputError."""
    try:
        assert explain(text)
    except InputError as error:
        assert error.message.isprintable()
