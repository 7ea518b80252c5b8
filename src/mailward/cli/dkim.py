"""`mailward dkim`: a key to sign with, and the DNS record that publishes it (RFC 6376 §3.6.1)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import output, passwords
from mailward.errors import InputError
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.message.dkim_key import PrivateKey

_BITS = 2048  # DNS carries it in one packet, and every verifier takes it (RFC 8301 §3.2)

domain_option = click.option("--domain", required=True, metavar="NAME", help="Who signs: the domain of your addresses.")
selector_option = click.option("--selector", required=True, metavar="NAME", help="Names the key in DNS: s2026, say.")


@click.group("dkim", short_help="Make a DKIM key, and its DNS record.")
def command() -> None:
    """Make a key to sign mail with, and print the TXT record to publish for it."""


@command.command("keygen")
@domain_option
@selector_option
@click.option("--ed25519", is_flag=True, help="Ed25519 in place of RSA: as a second key, not every server reads it.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="A new file for the key.")
@output.json_option
def keygen(*, domain: str, selector: str, ed25519: bool, out: Path, as_json: bool) -> None:
    """Make a key, write it to FILE, readable by you only, and print its DNS record. No file is overwritten."""
    from mailward.message.dkim_key import checked_domain, checked_selector  # noqa: PLC0415

    checked_domain(domain)
    checked_selector(selector)
    key = _made(ed25519=ed25519)
    _write(out, key)
    _tell(domain, selector, key, as_json=as_json)


@command.command("record")
@domain_option
@selector_option
@click.option(
    "--key", "key_file", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The private key."
)
@passwords.password_file_option
@output.json_option
def record(*, domain: str, selector: str, key_file: Path, password_file: Path | None, as_json: bool) -> None:
    """Print the DNS record for the key in FILE."""
    from mailward.message.dkim_key import read_key  # noqa: PLC0415

    passphrase = None if password_file is None else passwords.from_file(password_file)
    _tell(domain, selector, read_key(key_file, passphrase, short=True), as_json=as_json)


def _made(*, ed25519: bool) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key  # noqa: PLC0415

    return Ed25519PrivateKey.generate() if ed25519 else generate_private_key(65537, _BITS)


def _write(path: Path, key: PrivateKey) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        raise InputError(
            f"{printable(str(path), 200)} is there already", advice="give another file with --out"
        ) from None
    with open(descriptor, "wb") as file:  # noqa: PTH123  # nobody else may read it even for a moment
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        os.fsync(file.fileno())


def _tell(domain: str, selector: str, key: PrivateKey, *, as_json: bool) -> None:
    from mailward.message import dkim_key  # noqa: PLC0415

    name = f"{dkim_key.checked_selector(selector)}._domainkey.{dkim_key.checked_domain(domain)}"
    text = dkim_key.record(key)
    if as_json:
        output.say_json({"name": name, "type": "TXT", "text": text})
    else:
        output.say(dkim_key.zone_line(name, text))
