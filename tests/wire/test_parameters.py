"""Parameters of MAIL and RCPT."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import BadCommand, InputError
from mailward.wire import reply
from mailward.wire.parameters import Body, DeliverBy, MailParameters, Notify, RcptParameters, Ret
from mailward.wire.reply import Reply
from tests.wire.strategies import mail_parameters, rcpt_parameters


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", MailParameters()),
        ("SIZE=0", MailParameters(size=0)),
        ("size=000000000000000000000000001024", MailParameters(size=1024)),
        ("SIZE=9223372036854775807", MailParameters(size=2**63 - 1)),
        ("BODY=7BIT", MailParameters(body=Body.SEVEN_BIT)),
        ("body=binarymime", MailParameters(body=Body.BINARY_MIME)),
        ("SMTPUTF8 REQUIRETLS", MailParameters(smtputf8=True, requiretls=True)),
        ("AUTH=<>", MailParameters(auth="<>")),
        ("AUTH=e+3Dmc2@example.test", MailParameters(auth="e=mc2@example.test")),
        ("RET=hdrs ENVID=QQ314159", MailParameters(ret=Ret.HDRS, envid="QQ314159")),
        ("ENVID=a+20b+2B", MailParameters(envid="a b+")),
        ("HOLDFOR=3600", MailParameters(holdfor=3600)),
        ("holduntil=2026-12-24t18:00:00+01:00", MailParameters(holduntil=datetime(2026, 12, 24, 17, tzinfo=UTC))),
        ("BY=120;R", MailParameters(by=DeliverBy(120))),
        ("BY=-5;nt", MailParameters(by=DeliverBy(-5, notify=True, trace=True))),
        ("MT-PRIORITY=-3", MailParameters(priority=-3)),
        ("X-IDEMPOTENT=order.42", MailParameters(key="order.42")),
    ],
)
def test_mail_parameters(text: str, parameters: MailParameters) -> None:
    """Each parameter of MAIL, keywords in any case, values decoded."""
    assert MailParameters.parse(text) == parameters


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", RcptParameters()),
        ("NOTIFY=NEVER", RcptParameters(notify=frozenset({Notify.NEVER}))),
        ("notify=failure,Delay", RcptParameters(notify=frozenset({Notify.FAILURE, Notify.DELAY}))),
        ("ORCPT=rfc822;Bob+2BAnn@example.test", RcptParameters(orcpt=("rfc822", "Bob+Ann@example.test"))),
        (r"ORCPT=utf-8;\x{FC}ber\x{2B}@x", RcptParameters(orcpt=("utf-8", "über+@x"))),
        ("ORCPT=utf-8;über@x", RcptParameters(orcpt=("utf-8", "über@x"))),
    ],
)
def test_rcpt_parameters(text: str, parameters: RcptParameters) -> None:
    """Each parameter of RCPT."""
    assert RcptParameters.parse(text) == parameters


MAIL_REFUSED = {
    "S37-huge": ("SIZE=99999999999999999999", reply.TOO_BIG),
    "S37-2^63": ("SIZE=9223372036854775808", reply.TOO_BIG),
    "S37-a-thousand-digits": ("SIZE=" + "9" * 1000, reply.TOO_BIG),
    "S37-negative": ("SIZE=-1", reply.BAD_PARAMETER),
    "S37-underscore": ("SIZE=1_0", reply.BAD_PARAMETER),
    "S37-arabic-digit": ("SIZE=\u0661", reply.BAD_PARAMETER),
    "S37-plus": ("SIZE=+1", reply.BAD_PARAMETER),
    "S37-empty": ("SIZE=", reply.BAD_PARAMETER),
    "S37-no-value": ("SIZE", reply.BAD_PARAMETER),
    "S37-twice": ("SIZE=1 SIZE=1", reply.BAD_PARAMETER),
    "S37-twice-in-other-case": ("SIZE=1 size=2", reply.BAD_PARAMETER),
    "S37-unknown": ("FOO=1", reply.UNKNOWN_PARAMETER),
    "S37-unknown-flag": ("FOO", reply.UNKNOWN_PARAMETER),
    "S37-unknown-second": ("SIZE=1 NOTIFY=NEVER", reply.UNKNOWN_PARAMETER),
    "S37-body": ("BODY=9BIT", reply.BAD_PARAMETER),
    "S37-body-no-value": ("BODY", reply.BAD_PARAMETER),
    "S37-smtputf8-value": ("SMTPUTF8=1", reply.BAD_PARAMETER),
    "S37-requiretls-value": ("REQUIRETLS=1", reply.BAD_PARAMETER),
    "S37-two-equals": ("SIZE=1=1", reply.BAD_PARAMETER),
    "S37-no-keyword": ("=1", reply.BAD_PARAMETER),
    "S37-odd-keyword": ("SI_ZE=1", reply.BAD_PARAMETER),
    "S37-space-first": (" SIZE=1", reply.BAD_PARAMETER),
    "S37-control": ("SIZE=1\x01", reply.BAD_PARAMETER),
    "S37-ret-long-s": ("RET=HDR\u017f", reply.BAD_PARAMETER),
    "S37-ret": ("RET=ALL", reply.BAD_PARAMETER),
    "hold-zero": ("HOLDFOR=0", reply.BAD_PARAMETER),
    "hold-ten-digits": ("HOLDFOR=1000000000", reply.BAD_PARAMETER),
    "hold-until-without-zone": ("HOLDUNTIL=2026-12-24T18:00:00", reply.BAD_PARAMETER),
    "hold-until-no-such-day": ("HOLDUNTIL=2026-02-30T18:00:00Z", reply.BAD_PARAMETER),
    "hold-until-fraction": ("HOLDUNTIL=2026-02-03T18:00:00.5Z", reply.BAD_PARAMETER),
    "by-zero-return": ("BY=0;R", reply.BAD_PARAMETER),
    "by-no-mode": ("BY=120", reply.BAD_PARAMETER),
    "by-odd-mode": ("BY=120;X", reply.BAD_PARAMETER),
    "priority-two-digits": ("MT-PRIORITY=10", reply.BAD_PARAMETER),
    "priority-arabic-digit": ("MT-PRIORITY=\u0661", reply.BAD_PARAMETER),
    "key-empty": ("X-IDEMPOTENT=", reply.BAD_PARAMETER),
    "key-65": ("X-IDEMPOTENT=" + "k" * 65, reply.BAD_PARAMETER),
    "key-semicolon": ("X-IDEMPOTENT=a;b", reply.BAD_PARAMETER),
    "S38-envid-crlf": ("ENVID=ab+0D+0Acd", reply.BAD_PARAMETER),
    "S38-envid-nul": ("ENVID=ab+00", reply.BAD_PARAMETER),
    "S38-envid-8bit": ("ENVID=ab+FF", reply.BAD_PARAMETER),
    "S38-envid-long": ("ENVID=" + "a" * 2048, reply.BAD_PARAMETER),
    "S38-envid-101": ("ENVID=" + "a" * 101, reply.BAD_PARAMETER),
    "S38-envid-lower-hex": ("ENVID=a+2b", reply.BAD_PARAMETER),
    "S38-envid-half-hex": ("ENVID=a+2", reply.BAD_PARAMETER),
    "S38-envid-plus": ("ENVID=a+", reply.BAD_PARAMETER),
    "S38-auth-lf": ("AUTH=a+0Ab", reply.BAD_PARAMETER),
    "S38-auth-lf-in-mailbox": ("AUTH=a+0Ab@x", reply.BAD_PARAMETER),
    "S38-auth-no-mailbox": ("AUTH=ann", reply.BAD_PARAMETER),
    "S38-auth-two": ("AUTH=a@b,c@d", reply.BAD_PARAMETER),
}


@pytest.mark.parametrize(("text", "answer"), MAIL_REFUSED.values(), ids=MAIL_REFUSED.keys())
def test_mail_parameters_refused(text: str, answer: Reply) -> None:
    """Values that do not fit, said twice, or unknown: each with its reply."""
    with pytest.raises(BadCommand) as caught:
        MailParameters.parse(text)

    assert Reply.of(caught.value) == answer


RCPT_REFUSED = {
    "S37-unknown": ("SIZE=1", reply.UNKNOWN_PARAMETER),
    "S37-notify-empty": ("NOTIFY=", reply.BAD_PARAMETER),
    "S37-notify-never-and-more": ("NOTIFY=NEVER,DELAY", reply.BAD_PARAMETER),
    "S37-notify-twice": ("NOTIFY=DELAY,DELAY", reply.BAD_PARAMETER),
    "S37-notify-comma": ("NOTIFY=DELAY,", reply.BAD_PARAMETER),
    "S37-notify-odd": ("NOTIFY=ALWAYS", reply.BAD_PARAMETER),
    "S38-orcpt-lf": ("ORCPT=rfc822;a+0Ab", reply.BAD_PARAMETER),
    "S38-orcpt-no-type": ("ORCPT=a@b", reply.BAD_PARAMETER),
    "S38-orcpt-empty-type": ("ORCPT=;a@b", reply.BAD_PARAMETER),
    "S38-orcpt-empty-address": ("ORCPT=rfc822;", reply.BAD_PARAMETER),
    "S38-orcpt-long": ("ORCPT=rfc822;" + "a" * 500, reply.BAD_PARAMETER),
    "S38-orcpt-8bit": ("ORCPT=rfc822;ü", reply.BAD_PARAMETER),
    "S38-orcpt-utf8-lf": (r"ORCPT=utf-8;a\x{0A}b", reply.BAD_PARAMETER),
    "S38-orcpt-utf8-override": (r"ORCPT=utf-8;a\x{202E}b", reply.BAD_PARAMETER),
    "S38-orcpt-utf8-beyond": (r"ORCPT=utf-8;a\x{FFFFFF}b", reply.BAD_PARAMETER),
    "S38-orcpt-utf8-surrogate": (r"ORCPT=utf-8;a\x{D800}b", reply.BAD_PARAMETER),
}


@pytest.mark.parametrize(("text", "answer"), RCPT_REFUSED.values(), ids=RCPT_REFUSED.keys())
def test_rcpt_parameters_refused(text: str, answer: Reply) -> None:
    """The same for RCPT."""
    with pytest.raises(BadCommand) as caught:
        RcptParameters.parse(text)

    assert Reply.of(caught.value) == answer


@pytest.mark.parametrize(
    "parameters",
    [
        MailParameters(holdfor=0),
        MailParameters(holduntil=datetime(2026, 12, 24)),  # noqa: DTZ001 - the point of it
        MailParameters(by=DeliverBy(0)),
        MailParameters(priority=10),
        MailParameters(key="a b"),
        MailParameters(key="x\r\nRCPT TO:<eve@example.test>"),
    ],
    ids=lambda parameters: "-".join(name for name in parameters.__slots__ if getattr(parameters, name)),
)
def test_what_cannot_be_written(parameters: MailParameters) -> None:
    """E05: a value outside its bounds, or with a line break in it, never becomes octets."""
    with pytest.raises(InputError):
        parameters.encode()


@pytest.mark.parametrize(
    ("parameters", "asks"),
    [
        (MailParameters(size=1, body=Body.EIGHT_BIT_MIME, smtputf8=True, auth="<>", key="k"), False),
        (MailParameters(requiretls=True), True),
        (MailParameters(ret=Ret.FULL), True),
        (MailParameters(envid="e"), True),
        (MailParameters(holdfor=1), True),
        (MailParameters(by=DeliverBy(1)), True),
        (MailParameters(priority=0), True),
    ],
)
def test_what_asks_for_an_extension(parameters: MailParameters, asks: bool) -> None:
    """A server that offers none of them can tell by one question."""
    assert parameters.asks_extensions is asks


@given(mail_parameters)
def test_mail_parameters_read_back(parameters: MailParameters) -> None:
    """What is written reads back as the same."""
    assert MailParameters.parse(parameters.encode()) == parameters
    assert parameters.encode().isascii()


@given(rcpt_parameters)
def test_rcpt_parameters_read_back(parameters: RcptParameters) -> None:
    """What is written reads back as the same, and is ASCII even for a utf-8 recipient."""
    assert RcptParameters.parse(parameters.encode()) == parameters
    assert parameters.encode().isascii()


@given(st.text(st.sampled_from("SIZENVIDORCPT=;+0A,\\x{}< >@é") | st.characters(), max_size=50))
def test_any_text_is_parameters_or_refused(text: str) -> None:
    """Nothing but BadCommand comes out, and no control character goes in."""
    for kind in (MailParameters, RcptParameters):
        try:
            parameters = kind.parse(text)
        except BadCommand:
            continue
        assert parameters.encode().isprintable()
