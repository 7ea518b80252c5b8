from __future__ import annotations

import io
import pickle
import re
import subprocess
import traceback
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, InvalidMessage
from mailward.message.dkim import DKIM, OVERSIGNED
from mailward.message.dkim_canonical import body_hash, split
from mailward.message.dkim_key import zone_line
from mailward.secret import Secret
from tests.support.dkim_verifier import verifies

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RSA = rsa.generate_private_key(65537, 2048)
SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505  # what is to be refused
ED = ed25519.Ed25519PrivateKey.generate()
FORMS = ["/".join(pair) for pair in product(("relaxed", "simple"), repeat=2)]
MESSAGE = (
    b"From: Ann <ann@example.org>\r\nTo: bob@example.net,\r\n\tcid@example.net\r\nSubject:  Hello   Bob \r\n"
    b"Date: Fri, 02 Jan 2026 03:04:05 +0000\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n"
    b"List-Unsubscribe: <https://example.org/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n"
    b"Hello  Bob,\t \r\n\r\n.dots.\r\nyours \r\n\r\n \r\n\r\n"
)


def pem(
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey, passphrase: bytes = b""
) -> bytes:
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def dual(form: str = "relaxed/relaxed") -> DKIM:
    return DKIM("example.org", "s1", RSA, second=("s2", ED), canonicalization=form)


class Cut:
    """Octets in pieces of a few lines."""

    def __init__(self, content: bytes, lines: int) -> None:
        self._lines = io.BytesIO(content).readlines()
        self._many = lines

    def pieces(self) -> Iterator[bytes]:
        for start in range(0, len(self._lines), self._many):
            yield b"".join(self._lines[start : start + self._many])


@pytest.mark.parametrize("form", FORMS)
def test_dkimpy_takes_both_signatures(form: str) -> None:
    """RSA-SHA256 and Ed25519-SHA256, in each canonicalization; one octet of the text changed breaks both."""
    signer = dual(form)
    signed = signer.sign(MESSAGE, at=AT) + MESSAGE

    assert signed.count(b"DKIM-Signature:") == 2
    assert max(map(len, signed.split(b"\r\n"))) <= 78
    assert [verifies(signed, signer.records(), index=index) for index in (0, 1)] == [True, True]
    for changed in (signed.replace(b".dots.", b".dot."), signed.replace(b"Subject:  Hello", b"Subject:  Hallo")):
        assert [verifies(changed, signer.records(), index=index) for index in (0, 1)] == [False, False]


# What canonicalization is about: white space, folding, case, repeated names, and blank lines at the end.
SPACE = st.text(" \t", max_size=3)
WORD = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=8)
VALUE = st.lists(st.tuples(SPACE, WORD, st.sampled_from(["", "", "\r\n ", "\r\n\t"])), min_size=1, max_size=6).map(
    lambda parts: "".join("".join(part) for part in parts).rstrip("\r\n\t ") + " "
)
FIELD = st.tuples(st.sampled_from(["Subject", "SUBJECT", "To", "Reply-To", "List-Id", "X-Other", "received"]), VALUE)
LINE = st.lists(st.one_of(SPACE, WORD, st.just("ä"), st.just("\r"), st.just(".")), max_size=5).map("".join)
BODY = st.lists(st.one_of(LINE, st.just("")), max_size=12).map(
    lambda lines: "".join(f"{line.rstrip(chr(13))}\r\n" for line in lines)
)


@given(st.lists(FIELD, max_size=6), BODY, st.sampled_from(FORMS), st.integers(1, 3))
def test_dkimpy_takes_any_message(parts: list[tuple[str, str]], body: str, form: str, lines: int) -> None:
    """Whatever its white space, folding and blank lines are, whole or in pieces, and by both algorithms."""
    head = "".join(f"{name}:{value}\r\n" for name, value in [*parts, ("From", " ann@example.org")])
    content = f"{head}\r\n{body}".encode()
    signer = dual(form)
    fields = signer.sign(content)

    assert signer.sign(Cut(content, lines)) == fields
    assert [verifies(fields + content, signer.records(), index=index) for index in (0, 1)] == [True, True]


def test_the_empty_bodies_of_the_rfc() -> None:
    """No body is CRLF when simple and nothing when relaxed (RFC 6376 §3.4.3), with and without blank lines."""
    simple, relaxed = "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

    for body in (b"", b"\r\n", b"\r\n\r\n\r\n"):
        _, pieces = split(b"From: ann@example.org\r\n\r\n" + body)
        assert body_hash([*pieces], relaxed=False) == b64decode(simple)
    for body in (b"", b"\r\n \r\n\t\r\n"):
        assert body_hash([body], relaxed=True) == b64decode(relaxed)


def test_openssl_takes_the_rsa_signature(tmp_path: Path) -> None:
    """The signature itself, over data put together here by the letter of RFC 6376 §3.7."""
    content = b"From: ann@example.org\r\nSubject: x\r\n\r\nHi.\r\n"
    field = DKIM("example.org", "s1", pem(RSA), oversign=()).sign(content, at=AT)
    value = field.removeprefix(b"DKIM-Signature:")
    before, _, signature = value.rpartition(b"b=")
    own = b"dkim-signature:" + re.sub(rb"\s+", b" ", before).strip() + b" b="
    (tmp_path / "data").write_bytes(b"from:ann@example.org\r\nsubject:x\r\n" + own)
    (tmp_path / "signature").write_bytes(b64decode(signature))
    (tmp_path / "key").write_bytes(
        RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    command = ["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "signature", "data"]

    assert subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout == b"Verified OK\n"


@pytest.mark.parametrize("name", OVERSIGNED)
def test_nobody_can_add_what_is_oversigned(name: str) -> None:
    """Another From, Subject, To … on top breaks the signature, even of a message that has none."""
    content = b"From: ann@example.org\r\nDate: Fri, 02 Jan 2026 03:04:05 +0000\r\n\r\nHi.\r\n"
    signer = DKIM("example.org", "s1", RSA)
    signed = signer.sign(content) + content

    assert verifies(signed, signer.records())
    assert not verifies(f"{name}: eve@example.net\r\n".encode() + signed, signer.records(), index=0)


def test_what_a_server_adds_breaks_nothing() -> None:
    """Received, Return-Path, and the Message-ID that a submission server adds to a message without one."""
    content = b"From: ann@example.org\r\nSubject: x\r\n\r\nHi.\r\n"
    signer = DKIM("example.org", "s1", RSA)
    added = b"Return-Path: <ann@example.org>\r\nReceived: from x by y\r\nMessage-ID: <2@y>\r\n"

    assert verifies(added + signer.sign(content) + content, signer.records())


def test_the_tags() -> None:
    """Time and end of the signature, who signs, and every List- field of one-click unsubscription (RFC 8058 §4)."""
    signer = DKIM("bücher.example", "S1", RSA, expires=timedelta(days=7), identity='"ann;x"@mail.bücher.example')
    text = re.sub(rb"\s+", b"", signer.sign(MESSAGE, at=AT)).decode("ascii")
    tags = dict(pair.split("=", 1) for pair in text.removeprefix("DKIM-Signature:").split(";"))

    assert (tags["v"], tags["a"], tags["c"], tags["s"]) == ("1", "rsa-sha256", "relaxed/relaxed", "s1")
    assert (tags["d"], tags["i"]) == ("xn--bcher-kva.example", '"ann=3Bx"@mail.xn--bcher-kva.example')
    assert (int(tags["t"]), int(tags["x"]) - int(tags["t"])) == (AT.timestamp(), 7 * 86_400)
    assert {"list-unsubscribe", "list-unsubscribe-post"} < set(tags["h"].split(":"))
    assert tags["h"].split(":").count("from") == 2
    assert "l" not in tags
    assert signer.sign(MESSAGE, at=AT) == signer.sign(MESSAGE, at=AT)


def test_an_end_needs_a_beginning() -> None:
    """`expires=` without the time of signing is told, as is a time without a zone."""
    with pytest.raises(InputError, match="needs to know the time"):
        DKIM("example.org", "s1", RSA, expires=timedelta(days=1)).sign(MESSAGE)
    with pytest.raises(InputError, match="time zone"):
        DKIM("example.org", "s1", RSA).sign(MESSAGE, at=datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("content", [b"\r\nHi.\r\n", b"Subject: x\r\n\r\n", b"From: a@b.c\r\nFROM: d@e.f\r\n\r\nx\r\n"])
def test_there_is_one_author_field(content: bytes) -> None:
    """No From or two of them cannot be signed."""
    with pytest.raises(InvalidMessage, match="exactly one From"):
        dual().sign(content)


def test_a_header_without_end_is_refused() -> None:
    """A header section over a mebibyte is not gathered from its pieces."""
    with pytest.raises(InvalidMessage, match="header section"):
        dual().sign(Cut(b"From: ann@example.org\r\n" + b"X: y\r\n" * 200_000, 10_000))


def test_every_way_to_give_a_key(tmp_path: Path) -> None:
    """PEM as text, octets, Secret and file, DER, encrypted or not, and a key object all make the same signature."""
    (tmp_path / "key.pem").write_bytes(pem(RSA))
    der = RSA.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    keys = (pem(RSA), pem(RSA).decode(), Secret(pem(RSA).decode()), tmp_path / "key.pem", der, RSA)
    signatures = {DKIM("example.org", "s1", key).sign(MESSAGE, at=AT) for key in keys}
    signatures.add(DKIM("example.org", "s1", pem(RSA, b"open"), passphrase=Secret("open")).sign(MESSAGE, at=AT))

    assert len(signatures) == 1


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (SHORT, "1024 bits"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "RSA and Ed25519"),
        (b"nonsense", "no private key"),
        ("/etc/key.pem", "pathlib"),
        (Path("missing.pem"), "No such file"),
        (pem(RSA, b"open"), "passphrase="),
    ],
    ids=["short", "kind", "nonsense", "path", "missing", "encrypted"],
)
def test_a_key_that_will_not_do(key: bytes | str | Path | rsa.RSAPrivateKey, told: str) -> None:
    """Each says what is wrong with it and what to do."""
    with pytest.raises(InputError) as caught:
        DKIM("example.org", "s1", key)

    assert told in f"{caught.value} {caught.value.advice}"
    assert caught.value.advice


def test_a_short_key_is_asked_for_by_name() -> None:
    """1024 bits sign when told to; fewer never do (RFC 8301 §3.2)."""
    signer = DKIM("example.org", "s1", SHORT, insecure_short_key=True)

    assert verifies(signer.sign(MESSAGE) + MESSAGE, signer.records())


def test_the_key_is_seen_nowhere() -> None:
    """Not in repr, pickle, error, or any variable of a traceback of ours."""
    text = pem(RSA, b"open").decode()
    signer = DKIM("example.org", "s1", text, passphrase="open")
    with pytest.raises(InputError) as caught:
        DKIM("example.org", "s1", text, passphrase="s3cret", second=("s2", ED))
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame.locals for frame in frames.stack if "mailward" in frame.filename and "tests" not in frame.filename]

    assert repr(signer) == "DKIM(example.org: s1 rsa-sha256)"
    assert ours
    assert not any("PRIVATE KEY" in str(each) or "s3cret" in str(each) for each in ours)
    assert caught.value.__context__ is caught.value.__cause__ is None
    with pytest.raises(TypeError):
        pickle.dumps(signer)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"domain": "localhost"}, "domain name"),
        ({"domain": "example.org; x=1"}, "domain"),
        ({"selector": "a b"}, "selector"),
        ({"selector": "s1\r\nBcc: eve@example.net"}, "selector"),
        ({"canonicalization": "loose"}, "canonicalization"),
        ({"headers": ["Subject"]}, "From"),
        ({"headers": ["From", "Bcc"]}, "must not be signed"),
        ({"headers": ["From", "X;Y"]}, "must not be signed"),
        ({"identity": "ann@example.net"}, "identity"),
        ({"identity": "@notexample.org"}, "identity"),
        ({"expires": timedelta(0)}, "expires"),
        ({"second": ("s2", SHORT)}, "bits"),
        ({"second": ("s2", RSA)}, "other kind"),
        ({"second": ("s1", ED)}, "selector of its own"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], told: str) -> None:
    """Each is refused before anything is signed."""
    with pytest.raises(InputError, match=re.escape(told)):
        DKIM(**{"domain": "example.org", "selector": "s1", "key": RSA, **options})


def test_the_record_for_the_zone() -> None:
    """A long key is several strings of one TXT record, none over 255 octets."""
    (name, text), *_ = DKIM("example.org", "s1", RSA).records().items()
    line = zone_line(name, text)

    assert line.startswith('s1._domainkey.example.org. IN TXT ( "v=DKIM1; k=rsa; p=')
    assert "".join(re.findall(r'"([^"]*)"', line)) == text
    assert max(map(len, re.findall(r'"([^"]*)"', line))) <= 255
