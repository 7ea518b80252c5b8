"""The lines of a SASL exchange: base64, `*` to cancel, `=` for an empty initial response (RFC 4954 §4)."""

from __future__ import annotations

import base64
import binascii

from mailward.errors import ProtocolError
from mailward.wire.reply import BAD_BASE64

MAX_BASE64 = 12288


def encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def decode_base64(octets: bytes) -> bytes:
    """Strict base64, at most MAX_BASE64 octets of it. Raises ProtocolError.

    Only the canonical form: with two spellings of one response, a filter and a server could read different ones.
    """
    if len(octets) > MAX_BASE64:
        raise ProtocolError(f"more than {MAX_BASE64} octets of base64", phase="auth")
    try:
        data = base64.b64decode(octets, validate=True)
    except binascii.Error:
        raise ProtocolError("not base64", phase="auth") from None
    if base64.b64encode(data) != octets:
        raise ProtocolError("base64 that is not in its canonical form", phase="auth")
    return data


def parse_response(line: bytes) -> bytes | None:
    """The answer to a challenge, from its line without CRLF; None when the client cancels. Raises BadCommand."""
    if line == b"*":
        return None
    try:
        return decode_base64(line)
    except ProtocolError as error:
        raise BAD_BASE64.refusal() from error


def parse_initial_response(word: bytes) -> bytes:
    """The word after the mechanism's name in AUTH. Raises BadCommand."""
    if word == b"=":
        return b""
    response = parse_response(word)
    if not response:
        raise BAD_BASE64.refusal()
    return response
