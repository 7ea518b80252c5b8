"""What the tests of the logins share: the accounts of a place, addresses nobody came from, and each way to log in."""

from __future__ import annotations

import base64
import itertools
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailward.accounts.directory import Accounts
from mailward.accounts.hasher import Hasher
from mailward.store.database import Database
from mailward.store.writer import Writer
from tests.support.certificates import DAY, NOW, Pair, authority
from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import IMPLICIT, Installation
from tests.support.talk import Answer, Talk

AT_ONCE: dict[str, Any] = {"delay_first": 0.0, "delay_most": 0.0}
BUDGET = "distinct_wrong_passwords_per_account"
FAILED = (535, ("5.7.8 Authentication failed",))
BAD_TOKEN = b'{"status":"invalid_token"}'
_numbers = itertools.count()


def fresh() -> str:
    """An address nobody came from before, in a network nobody came from either."""
    number = next(_numbers)
    return f"127.{10 + number // 32}.{number % 32 * 8}.1"


@contextmanager
def book(place: Installation) -> Iterator[Accounts]:
    """The accounts of a place, as the commands change them, whether or not a server runs."""
    database = Database.open(place.state / "mailward.db")
    writer = Writer(database, deliver=lambda call: call())
    hasher = Hasher(workers=1)
    try:
        yield Accounts(database.reader(), writer.run, hasher=hasher, now=time.time)
    finally:
        hasher.close()
        writer.close()
        database.close()


def connect(server: Installation, source: str, *, tls: ssl.SSLContext | None = None) -> Talk:
    """From this address, with EHLO said."""
    talk = Talk(server.ports[IMPLICIT], tls=tls or server.trust, source=source)
    talk.ehlo()
    return talk


def told(server: EmbeddedServer, source: str) -> list[dict[str, Any]]:
    return [event for event in server.events() if event.get("source") == source]


def b64(data: bytes | str) -> bytes:
    return base64.b64encode(data.encode() if isinstance(data, str) else data)


def by_password(talk: Talk, mechanism: str, name: str, password: str) -> Answer:
    """PLAIN, LOGIN or SCRAM-SHA-256."""
    match mechanism:
        case "PLAIN":
            return talk.plain(name, password)
        case "LOGIN":
            assert talk.say(b"AUTH LOGIN " + b64(name)).code == 334
            return talk.say(b64(password))
        case _:
            return talk.scram(name, password)


def by_token(talk: Talk, mechanism: str, name: str, token: str) -> Answer:
    """OAUTHBEARER or XOAUTH2, up to the first answer. name: empty leaves it to the token."""
    beginning = f"n,{f'a={name}' if name else ''}," if mechanism == "OAUTHBEARER" else f"user={name}"
    return talk.say(f"AUTH {mechanism} ".encode() + b64(f"{beginning}\x01auth=Bearer {token}\x01\x01"))


def by_certificate(talk: Talk, name: str = "") -> Answer:
    return talk.say(b"AUTH EXTERNAL " + (b64(name) if name else b"="))


def client_certificate(*emails: str, issuer: Pair | None = None) -> Pair:
    """A client's. emails: its rfc822Names."""
    by = issuer or authority("Client CA")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")]))
        .issuer_name(by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(email) for email in emails]), critical=False)
    )
    return Pair(builder.sign(by.key, hashes.SHA256()), key)


def showing(server: EmbeddedServer, certificate: Pair, folder: Path) -> ssl.SSLContext:
    """Trusts the server, and shows it this certificate."""
    context = server.trust
    file = folder / "client.pem"
    file.write_bytes(certificate.key_pem + certificate.pem)
    context.load_cert_chain(file)
    return context


def ssha(password: str) -> str:
    """{SSHA} as LDAP wrote it, without the name of the scheme."""
    salt = b"salt"
    return base64.b64encode(sha1(password.encode() + salt).digest() + salt).decode()  # noqa: S324
