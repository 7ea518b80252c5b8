"""Bodies that every server can carry: lines of 998 octets at most, seven bits unless asked (RFC 2045 §6)."""

from __future__ import annotations

from binascii import b2a_base64, b2a_qp

from mailward.message.field import MAX_LINE

_NO_BREAKS = bytes(octet for octet in range(0x100) if octet not in b"\r\n")
_HIGH = bytes(range(0x80, 0x100))
_BASE64_LINE = 57  # octets that make 76 characters


def normalised(octets: bytes) -> bytes:
    """`octets` with every line break, bare LF and bare CR too, as CRLF; the same object if there is nothing to do."""
    if len(octets.translate(None, _NO_BREAKS)) == 2 * octets.count(b"\r\n"):  # none is bare
        return octets
    return octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def has_long_line(octets: bytes) -> bool:
    """Whether a line of CRLF-ended `octets` is longer than 998. Looks at about one octet in a thousand."""
    start, window = 0, MAX_LINE + 2
    while len(octets) - start > MAX_LINE:
        found = octets.rfind(b"\r\n", start, start + window)
        if found < 0:
            return True
        start = found + 2
    return False


def is_carried(octets: bytes, *, eight_bit: bool) -> bool:
    """Whether a body of these CRLF-ended octets may go on the wire as it is."""
    return (eight_bit or octets.isascii()) and b"\0" not in octets and not has_long_line(octets)


def encoded(octets: bytes, *, text: bool) -> tuple[str, str]:
    """The Content-Transfer-Encoding and the body in it: quoted-printable for mostly ASCII text, base64 for the rest."""
    high = len(octets) - len(octets.translate(None, _HIGH))
    if text and high * 6 <= len(octets):
        return "quoted-printable", b2a_qp(octets, istext=True).decode("ascii")
    lines = (octets[start : start + _BASE64_LINE] for start in range(0, len(octets), _BASE64_LINE))
    return "base64", b"".join(map(b2a_base64, lines)).decode("ascii")
