"""EHLO keywords: what a server offers, and what is ignored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError
from mailward.wire.keyword import Keywords, Offer
from mailward.wire.reply import Reply, ReplyParser, ehlo


def offered(*lines: str) -> Keywords:
    return Keywords.parse(Reply(250, ("mx.example.test hello", *lines)))


def test_what_a_server_offers() -> None:
    """Each keyword in any case, with its parameters."""
    keywords = offered("PIPELINING", "size 35882577", "8bitmime", "STARTTLS", "AUTH plain LOGIN SCRAM-SHA-256 ", "DSN")

    assert keywords.greeting_domain == "mx.example.test"
    assert (keywords.pipelining, keywords.eightbitmime, keywords.starttls, keywords.dsn) == (True, True, True, True)
    assert (keywords.chunking, keywords.binarymime, keywords.smtputf8, keywords.requiretls) == (False,) * 4
    assert keywords.enhanced_status_codes is False
    assert keywords.size == 35882577
    assert keywords.auth == ("PLAIN", "LOGIN", "SCRAM-SHA-256")
    assert keywords["Size"] == "35882577"
    assert "auth" in keywords
    assert "CHUNKING" not in keywords


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("SIZE", 0),
        ("SIZE 0", 0),
        ("SIZE 1000", 1000),
        ("SIZE 9223372036854775807", 2**63 - 1),
        ("SIZE 9223372036854775808", None),
        ("SIZE 999999999999999999999", None),
        ("SIZE -1", None),
        ("SIZE 1_0", None),
        ("SIZE +1", None),
        ("SIZE 1 2", None),
        ("SIZE \u0661", None),
        ("SIZE=1000", None),
    ],
)
def test_size(line: str, size: int | None) -> None:
    """C17: 0 is no fixed maximum; what is no number is no offer."""
    assert offered(line).size == size


@pytest.mark.parametrize(
    ("line", "limits"),
    [
        ("LIMITS RCPTMAX=20 MAILMAX=5", {"RCPTMAX": 20, "MAILMAX": 5}),
        ("LIMITS rcptdomainmax=1", {"RCPTDOMAINMAX": 1}),
        ("LIMITS RCPTMAX=0", {}),
        ("LIMITS RCPTMAX=-1 RCPTMAX=1_0 RCPTMAX= MAILMAX", {}),
        ("LIMITS RCPTMAX=99999999999999", {}),
        ("LIMITS FOO=1", {}),
        ("LIMITS", {}),
        ("PIPELINING", {}),
    ],
)
def test_limits(line: str, limits: dict[str, int]) -> None:
    """C17, RFC 9422: limits that would allow nothing, or make no sense, do not count."""
    assert offered(line).limits == limits


@pytest.mark.parametrize(
    "line",
    [
        "AUTH=LOGIN PLAIN",
        "=STARTTLS",
        "",
        " STARTTLS",
        "-STARTTLS",
        "START\x01TLS",
        "STARTTLS \x1b[2J",
        "\\xffSTARTTLS",
        "STARTTLS\tx",
        "ＳＴＡＲＴＴＬＳ",
        "ſTARTTLS",
        "XXXXXXXX",
        "X" * 5000,
    ],
)
def test_malformed_lines_are_ignored(line: str) -> None:
    """C17: an obsolete, garbled or hostile line offers nothing and hides nothing."""
    keywords = offered(line, "PIPELINING")

    assert keywords.pipelining
    assert not keywords.starttls
    assert keywords.auth == ()


@pytest.mark.parametrize(
    ("line", "hold"),
    [
        ("FUTURERELEASE 86400 2026-12-31T23:59:59Z", (86400, "2026-12-31T23:59:59Z")),
        ("FUTURERELEASE 0 2026-12-31T23:59:59Z", None),
        ("FUTURERELEASE 86400", None),
        ("FUTURERELEASE 86400 tomorrow", None),
    ],
)
def test_future_release(line: str, hold: tuple[int, str] | None) -> None:
    """The longest hold and the latest moment; half of it is no offer."""
    assert offered(line).hold == hold


@pytest.mark.parametrize(
    ("line", "least"), [("DELIVERBY 240", 240), ("DELIVERBY", 0), ("DELIVERBY -1", 0), ("PIPELINING", None)]
)
def test_deliver_by(line: str, least: int | None) -> None:
    """The least seconds, 0 where the server does not say."""
    assert offered(line).deliverby == least


def test_priority_and_idempotency() -> None:
    """MT-PRIORITY with any profile; X-IDEMPOTENT only with the seconds for which a key is kept."""
    assert offered("MT-PRIORITY MIXER").mt_priority
    assert not offered("PIPELINING").mt_priority
    assert offered("X-IDEMPOTENT 86400").idempotent == 86400
    assert offered("X-IDEMPOTENT").idempotent is None
    assert offered("X-IDEMPOTENT -1").idempotent is None


def test_odd_mechanisms_are_ignored() -> None:
    """A mechanism's name is RFC 4422's or it is none; twice is once."""
    assert offered("AUTH PLAIN PL<AIN " + "A" * 21 + "  plain LOGIN").auth == ("PLAIN", "LOGIN")


def test_a_keyword_said_twice_counts_once() -> None:
    """The first line wins, so nobody can append a wider offer."""
    assert offered("AUTH SCRAM-SHA-256", "AUTH PLAIN").auth == ("SCRAM-SHA-256",)


def test_nothing_is_offered_by_helo() -> None:
    """A server that only knows HELO offers nothing, and so does one not yet asked."""
    keywords = Keywords.none()

    assert len(keywords) == 0
    assert keywords.size is None
    assert keywords.auth == ()
    assert keywords.greeting_domain == ""
    assert keywords == Keywords.parse(Reply(250, "x"))


def test_a_hostile_greeting_is_no_domain() -> None:
    """The domain of the greeting is printable ASCII or empty."""
    assert Keywords.parse(Reply(250, "\x1b[2J hello")).greeting_domain == ""


def test_what_we_offer() -> None:
    """The lines, in the order in which servers are used to say them."""
    lines = Keywords.build(
        pipelining=True,
        eightbitmime=True,
        smtputf8=False,
        enhanced_status_codes=True,
        starttls=True,
        size=36700160,
        auth=("SCRAM-SHA-256", "PLAIN"),
        limits={"RCPTMAX": 100},
    )

    assert lines == (
        "PIPELINING",
        "8BITMIME",
        "ENHANCEDSTATUSCODES",
        "STARTTLS",
        "SIZE 36700160",
        "AUTH SCRAM-SHA-256 PLAIN",
        "LIMITS RCPTMAX=100",
    )


def test_an_unknown_offer_is_refused() -> None:
    """A misspelt keyword is not silently left out."""
    with pytest.raises(InputError, match="startls"):
        Keywords.build(startls=True)  # type: ignore[call-arg]  # the mistake under test


OFFERS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            ["pipelining", "eightbitmime", "binarymime", "chunking", "smtputf8", "enhanced_status_codes", "dsn"],
            st.booleans(),
        ),
        "requiretls": st.booleans(),
        "starttls": st.booleans(),
        "size": st.none() | st.integers(0, 2**63 - 1),
        "auth": st.lists(st.sampled_from(["PLAIN", "LOGIN", "SCRAM-SHA-256"]), unique=True).map(tuple),
        "limits": st.dictionaries(st.sampled_from(["MAILMAX", "RCPTMAX", "RCPTDOMAINMAX"]), st.integers(1, 999999)),
    },
)


@given(OFFERS)
def test_what_we_offer_reads_back(offer: Offer) -> None:
    """An offer, sent and read, is the same offer."""
    parser = ReplyParser()
    parser.feed(ehlo("mx.example.test", Keywords.build(**offer)).encode())
    reply = parser.next_reply()
    assert reply is not None
    keywords = Keywords.parse(reply)

    for name, value in offer.items():
        assert getattr(keywords, name) == value


@given(st.lists(st.text(st.characters(exclude_characters="\r\n\0")), min_size=1))
def test_any_reply_is_read(lines: list[str]) -> None:
    """No text of a server makes the reading fail."""
    keywords = Keywords.parse(Reply(250, tuple(lines)))

    assert keywords.size is None or keywords.size >= 0
    assert all(limit > 0 for limit in keywords.limits.values())
    assert all(name.isascii() and name == name.upper() for name in (*keywords, *keywords.auth))
