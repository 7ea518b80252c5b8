"""Values of the wire vocabulary, for property tests."""

from __future__ import annotations

import string
import unicodedata
from datetime import UTC, datetime

from hypothesis import strategies as st

from mailward.wire.address import Mailbox
from mailward.wire.command import (
    Auth,
    Bdat,
    Command,
    Data,
    Ehlo,
    Expn,
    Helo,
    Help,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    Vrfy,
)
from mailward.wire.parameters import Body, DeliverBy, MailParameters, Notify, RcptParameters, Ret

ATEXT = string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-"
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
LETTERS = string.ascii_lowercase


def _is_plain(text: str) -> bool:
    return unicodedata.normalize("NFKC", text) == unicodedata.normalize("NFC", text)


def _fits(mailbox: Mailbox) -> bool:
    wire = str(mailbox).encode()
    return len(wire) - len(mailbox.domain) - 1 <= 64 and len(wire) <= 254


atoms = st.text(ATEXT, min_size=1, max_size=20)
words = st.text(st.characters(categories=("Ll", "Lu", "Lo", "Nd"), max_codepoint=0xD7FF), min_size=1, max_size=8)
dot_atoms = st.lists(atoms, min_size=1, max_size=4).map(".".join)
quoted = st.text(PRINTABLE, min_size=1, max_size=64)
unicode_local_parts = st.lists(words.filter(_is_plain), min_size=1, max_size=3).map(".".join).filter(_is_plain)
local_parts = dot_atoms | quoted | unicode_local_parts

labels = st.from_regex(r"[a-z0-9]([a-z0-9]{0,8}[a-z0-9])?", fullmatch=True) | st.just("xn--bcher-kva")
host_names = st.builds(
    lambda front, top: ".".join([*front, top]), st.lists(labels, max_size=6), st.text(LETTERS, min_size=1, max_size=63)
)
literals = st.ip_addresses(v=4).map(lambda address: f"[{address}]") | st.ip_addresses(v=6).filter(
    lambda address: getattr(address, "ipv4_mapped", None) is None
).map(lambda address: f"[IPv6:{address}]")
mailboxes = st.builds(Mailbox, local_parts, host_names | literals).filter(_fits)
ascii_mailboxes = st.builds(Mailbox, dot_atoms | quoted, host_names | literals).filter(_fits)


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0, tzinfo=UTC)


mail_parameters = st.builds(
    MailParameters,
    size=st.none() | st.integers(0, 2**63 - 1),
    body=st.none() | st.sampled_from(Body),
    smtputf8=st.booleans(),
    auth=st.none() | st.just("<>") | ascii_mailboxes.map(str),
    ret=st.none() | st.sampled_from(Ret),
    envid=st.none() | st.text(PRINTABLE, min_size=1, max_size=33),
    requiretls=st.booleans(),
    holdfor=st.none() | st.integers(1, 999_999_999),
    holduntil=st.none() | st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30)).map(_whole_second),  # noqa: DTZ001
    by=st.none()
    | st.builds(DeliverBy, st.integers(1, 999_999_999), st.booleans(), st.booleans())
    | st.builds(DeliverBy, st.integers(-999_999_999, 0), notify=st.sampled_from([True]), trace=st.booleans()),
    priority=st.none() | st.integers(-9, 9),
    key=st.none() | st.from_regex(r"[A-Za-z0-9._\-]{1,64}", fullmatch=True),
)
original_recipients = st.tuples(st.sampled_from(["rfc822", "x-400"]), quoted)
utf8_recipients = st.tuples(st.just("utf-8"), quoted | unicode_local_parts)
rcpt_parameters = st.builds(
    RcptParameters,
    notify=st.none()
    | st.just(frozenset({Notify.NEVER}))
    | st.frozensets(st.sampled_from([Notify.SUCCESS, Notify.FAILURE, Notify.DELAY]), min_size=1),
    orcpt=st.none() | original_recipients | utf8_recipients,
)


def _sendable(command: Mail) -> bool:
    return command.parameters.smtputf8 or command.reverse_path is None or not command.reverse_path.needs_smtputf8


texts = st.text(PRINTABLE, max_size=60).map(str.rstrip)
greeting_names = host_names | literals
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(Ehlo, greeting_names),
    st.builds(Helo, greeting_names),
    st.builds(Mail, st.none() | mailboxes, mail_parameters).filter(_sendable),
    st.builds(
        Rcpt,
        mailboxes | st.builds(Mailbox, st.sampled_from(["postmaster", "Postmaster"]), st.just("")),
        rcpt_parameters,
    ),
    st.sampled_from([Data(), Rset(), Quit(), StartTls()]),
    st.builds(Bdat, st.integers(0, 2**63 - 1), last=st.booleans()),
    st.builds(Noop, texts),
    st.builds(Help, texts),
    st.builds(Vrfy, texts.filter(bool)),
    st.builds(Expn, texts.filter(bool)),
    st.builds(Auth, st.from_regex(r"[A-Z0-9_\-]{1,20}", fullmatch=True), st.none() | st.binary(max_size=200)),
)
