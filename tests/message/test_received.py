from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, InvalidAddress
from mailward.message.content import content_of
from mailward.message.received import PROTOCOLS, protocol_name, received

DATE = datetime(2025, 11, 24, 13, 44, tzinfo=UTC)


def written(**changes: str | None) -> str:
    clauses: dict[str, str | None] = {
        "by": "mail.example.test",
        "from_ehlo": "laptop.example.test",
        "source": "192.0.2.1",
        "protocol": "ESMTPSA",
        "tls": "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384",
        "id": "4bXyZ-1",
        "for_": "bob@example.test",
    }
    return received(date=DATE, **(clauses | changes)).decode()  # type: ignore[arg-type]


def test_the_whole_field() -> None:
    """Folded, with the TLS comment, the protocol of RFC 3848 and one recipient (RFC 5321 §4.4)."""
    assert written() == (
        "Received: from laptop.example.test ([192.0.2.1])\r\n"
        "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384) by mail.example.test\r\n"
        "\twith ESMTPSA id 4bXyZ-1 for <bob@example.test>;\r\n"
        "\tMon, 24 Nov 2025 13:44:00 +0000\r\n"
    )


def test_clauses_that_are_not_given_are_not_written() -> None:
    """Without TLS, and for several recipients or a bare postmaster."""
    for recipient in (None, "postmaster"):
        assert written(tls=None, for_=recipient, protocol="ESMTPA") == (
            "Received: from laptop.example.test ([192.0.2.1]) by mail.example.test\r\n"
            "\twith ESMTPA id 4bXyZ-1; Mon, 24 Nov 2025 13:44:00 +0000\r\n"
        )


@pytest.mark.parametrize(
    "source, literal",
    [
        ("192.0.2.1", "[192.0.2.1]"),
        ("2001:DB8::1", "[IPv6:2001:db8::1]"),
        ("::ffff:192.0.2.1", "[192.0.2.1]"),
        ("fe80::1%eth0", "[IPv6:fe80::1]"),
    ],
)
def test_the_source_is_an_address_literal(source: str, literal: str) -> None:
    """As RFC 5321 §4.1.3 writes it."""
    assert f"({literal})" in written(source=source)


@pytest.mark.parametrize(
    "name, shown",
    [
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
        ("a_b-c.test", "a_b-c.test"),
        ("", "unknown"),
        ("x y", "x?y"),
        ("x) by evil.test; (", "x??by?evil.test???"),
        ("x\r\nBcc: e@x.test", "x??Bcc??e?x.test"),
        ("<script>", "?script?"),
        ("\x1b[2J", "??2J"),
        ("[999.999.999.999] (x)", "?999.999.999.999???x?"),
        ("ü.test\u202e", "?.test?"),
        ("A" * 1000, "A" * 255),
    ],
)
def test_a_hostile_ehlo_name_is_reduced(name: str, shown: str) -> None:
    """Letters, digits, dot, hyphen and underscore, or an address literal; never too long (S28)."""
    assert re.fullmatch(r"Received: from (\S+) ?(?:\r\n\t)?\(\[192.*", written(from_ehlo=name), re.DOTALL)[1] == shown  # type: ignore[index]


@pytest.mark.parametrize("protocol", ["", "esmtp", "ESMTPX", "ESMTP\r\nX: y", "UTF8SMTP A"])
def test_unknown_protocols_are_refused(protocol: str) -> None:
    """A mistake of ours, found at once."""
    with pytest.raises(InputError, match="no protocol name"):
        written(protocol=protocol)


@pytest.mark.parametrize("source", ["", "localhost", "192.0.2.1) by evil"])
def test_other_sources_are_refused(source: str) -> None:
    """Only an IP address."""
    with pytest.raises(InputError, match="no IP address"):
        written(source=source)


def test_a_recipient_beyond_ascii_is_told_under_utf8smtp_only() -> None:
    """RFC 6531 §3.7.3: elsewhere the clause is left out."""
    assert "for" not in written(for_="ünn@example.test")
    assert "for <ünn@example.test>;" in written(for_="ünn@example.test", protocol="UTF8SMTPSA")


def test_the_recipient_is_a_mailbox() -> None:
    """Nothing else gets into the clause; quotes stay."""
    assert 'for <"a>b"@example.test>;' in written(for_='"a>b"@example.test')
    with pytest.raises(InvalidAddress):
        written(for_="a@b.test>\r\nX: y <c@d.test")


@pytest.mark.parametrize(
    "tls, authenticated, smtputf8, name",
    [
        (False, False, False, "ESMTP"),
        (True, False, False, "ESMTPS"),
        (False, True, False, "ESMTPA"),
        (True, True, False, "ESMTPSA"),
        (False, False, True, "UTF8SMTP"),
        (True, True, True, "UTF8SMTPSA"),
    ],
)
def test_protocol_names(tls: bool, authenticated: bool, smtputf8: bool, name: str) -> None:
    """RFC 3848 §1, RFC 6531 §4.3."""
    assert protocol_name(tls=tls, authenticated=authenticated, smtputf8=smtputf8) == name
    assert name in PROTOCOLS


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=60))
def test_any_text_makes_one_field(from_ehlo: str, tls: str, queue_id: str) -> None:
    """Visible ASCII, one field, lines of 78 octets unless one clause is longer."""
    field = written(from_ehlo=from_ehlo, tls=tls, id=queue_id)

    assert re.fullmatch(r"Received: [ -~]+(\r\n\t[ -~]+)*\r\n", field)
    assert content_of(field.encode() + b"\r\n") == field.encode() + b"\r\n"
    assert all(len(line) <= 78 or line.count(" ") <= 3 or "(using" in line for line in field.split("\r\n"))
