"""`python -m benchmarks.signing`: DKIM signatures a CPU-second beside dkimpy, same message and key, in turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mailward.message.dkim import DKIM

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HEADER = (
    b"From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: Hello\r\n"
    b"Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n\r\n"
)
_LINE = b"The quick brown fox jumps over the lazy dog, and so on and on.\r\n"
BODIES = {
    "1 KiB": _LINE * 16,
    "1 MiB of text": _LINE * 16_400,
    "1 MiB of base64": b"VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZywgYW5kIHNvIG9u\r\n" * 13_800,
}
_ROUNDS = 9


def measure() -> dict[str, tuple[float, float]]:
    """Signatures a CPU-second, ours and dkimpy's: the medians of the rounds. RSA-2048, relaxed/relaxed."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    signer = DKIM("example.org", "s1", key)
    figures = {}
    for name, body in BODIES.items():
        content = HEADER + body
        ours, theirs = [], []
        for _ in range(_ROUNDS):
            ours.append(_rate(partial(signer.sign, content, at=AT), 40))
            theirs.append(_rate(partial(_theirs, content, pem), 4))
        figures[name] = (sorted(ours)[_ROUNDS // 2], sorted(theirs)[_ROUNDS // 2])
    return figures


def _theirs(content: bytes, pem: bytes) -> None:
    dkim.sign(content, b"s1", b"example.org", pem, canonicalize=(b"relaxed", b"relaxed"))


def _rate(work: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        work()
    return times / (time.process_time() - began)


if __name__ == "__main__":
    for name, (ours, theirs) in measure().items():
        print(f"{name}: {ours:,.0f} signatures a CPU-second, dkimpy {theirs:,.1f}: {ours / theirs:.1f} times")
