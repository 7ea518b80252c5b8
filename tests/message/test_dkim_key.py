from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailward.errors import InputError
from mailward.message.dkim_key import algorithm, checked_domain, checked_selector, read_key, record, zone_line

# RFC 8463, appendix A.1 and A.2: a private key and the record that publishes it.
ED_SEED = b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
ED_RECORD = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def test_the_record_of_rfc_8463() -> None:
    """The example's key is published as the example's record."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(ED_SEED)

    assert record(key) == ED_RECORD
    assert algorithm(key) == "ed25519-sha256"
    assert zone_line("s._domainkey.example.org", ED_RECORD) == f's._domainkey.example.org. IN TXT "{ED_RECORD}"'


def test_the_record_of_rsa_reads_back() -> None:
    """`p=` is the SubjectPublicKeyInfo (RFC 6376 §3.6.1)."""
    key = rsa.generate_private_key(65537, 2048)
    text = record(key)

    assert text.startswith("v=DKIM1; k=rsa; p=")
    assert load_der_public_key(b64decode(text.rpartition("p=")[2])) == key.public_key()


@pytest.mark.parametrize("selector", ["s1", "2026-01", "a.b_c", "S1"])
def test_selectors(selector: str) -> None:
    """Labels of a domain name, in lower case."""
    assert checked_selector(selector) == selector.lower()


@pytest.mark.parametrize("selector", ["", ".", "-a", "a..b", "a;b", "ä", "a" * 64, "a\r\n"])
def test_what_is_no_selector(selector: str) -> None:
    """Whatever could end the tag or the name is refused."""
    with pytest.raises(InputError):
        checked_selector(selector)


@pytest.mark.parametrize("domain", ["", "localhost", "[192.0.2.1]", "a b.c", "example.org; d=x.org", "x@example.org"])
def test_what_is_no_domain(domain: str) -> None:
    """Whatever has no `_domainkey` of its own is refused."""
    with pytest.raises(InputError):
        checked_domain(domain)


@pytest.mark.parametrize("key", [1, [b"x"], None])
def test_what_is_no_key_at_all(key: Any) -> None:
    """A number, a list: told by what may be given instead."""
    with pytest.raises(InputError, match="PEM as a str, bytes or a Secret"):
        read_key(key)
