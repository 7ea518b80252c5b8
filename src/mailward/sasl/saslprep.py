"""SASLprep: one spelling for each user name and password (RFC 4013, a profile of RFC 3454)."""

from __future__ import annotations

from mailward.errors import InputError

MAX_NAME = 256  # octets
MAX_PASSWORD = 1024  # octets


def prepare(text: str, *, what: str = "text", stored: bool = True) -> str:
    """`text` in its one spelling; InputError when it has none, or none that is not empty.

    stored: a stored string, so code points that Unicode 3.2 did not know are refused (RFC 3454 §7); a query string
    may hold them. The error calls the text `what` and shows nothing of it: it may be a password.
    """
    if text.isascii() and text.isprintable():
        prepared = text
    else:
        prepared = _normalize(text)
        _refuse_prohibited(prepared, what=what, stored=stored)
        _refuse_mixed_directions(prepared, what=what)
    if not prepared:
        raise InputError(f"the {what} is empty", phase="auth")
    return prepared


def prepare_name(text: str, *, what: str = "user name") -> str:
    """A user name as a query string, fit to be looked up and shown: also no hidden character newer than RFC 3454,
    no space around it and at most 256 octets."""
    if len(text) > MAX_NAME:
        raise InputError(f"the {what} is longer than {MAX_NAME} octets", phase="auth")
    prepared = prepare(text, what=what, stored=False)
    if not prepared.isprintable():
        raise InputError(f"the {what} holds a character that cannot be seen", phase="auth")
    if prepared != prepared.strip():
        raise InputError(f"the {what} begins or ends with a space", phase="auth")
    if len(prepared.encode()) > MAX_NAME:
        raise InputError(f"the {what} is longer than {MAX_NAME} octets", phase="auth")
    return prepared


def prepare_password(text: str) -> str:
    """A password in its one spelling: what SCRAM keys and password verifiers are made of, at most 1024 octets.

    Characters newer than Unicode 3.2 are taken as they are, stored or not: any Unicode may be a password (NIST
    SP 800-63B-4 §3.1.1.2).
    """
    if len(text) > MAX_PASSWORD:
        raise InputError(f"the password is longer than {MAX_PASSWORD} octets", phase="auth")
    prepared = prepare(text, what="password", stored=False)
    if len(prepared.encode()) > MAX_PASSWORD:
        raise InputError(f"the password is longer than {MAX_PASSWORD} octets", phase="auth")
    return prepared


def _normalize(text: str) -> str:
    """§2.1 mapping, §2.2 NFKC, both by Unicode 3.2 as RFC 3454 demands."""
    from stringprep import in_table_b1, in_table_c12  # noqa: PLC0415 - most names and passwords never need it
    from unicodedata import ucd_3_2_0  # noqa: PLC0415

    mapped = "".join(" " if in_table_c12(c) else c for c in text if not in_table_b1(c))
    return ucd_3_2_0.normalize("NFKC", mapped)


def _refuse_prohibited(text: str, *, what: str, stored: bool) -> None:
    """§2.3 and §2.5."""
    import stringprep as tables  # noqa: PLC0415

    prohibited = [
        (tables.in_table_c21_c22, "a control character"),
        (tables.in_table_c12, "a space that is not the ASCII space"),
        (tables.in_table_c3, "a private-use character"),
        (tables.in_table_c4, "a code point that is no character"),
        (tables.in_table_c5, "half a surrogate pair"),
        (tables.in_table_c6, "a character that stands for undecodable text"),
        (tables.in_table_c7, "an ideographic description character"),
        (tables.in_table_c8, "a character that changes the display"),
        (tables.in_table_c9, "a tagging character"),
    ]
    if stored:
        prohibited.append((tables.in_table_a1, "a character newer than Unicode 3.2"))
    for belongs, name in prohibited:
        if any(map(belongs, text)):
            raise InputError(f"the {what} holds {name} (RFC 4013)", phase="auth")


def _refuse_mixed_directions(text: str, *, what: str) -> None:
    """§2.4: right-to-left text has no left-to-right letter, and begins and ends right-to-left."""
    from stringprep import in_table_d1, in_table_d2  # noqa: PLC0415

    if not any(map(in_table_d1, text)):
        return
    if any(map(in_table_d2, text)) or not (in_table_d1(text[0]) and in_table_d1(text[-1])):
        raise InputError(f"the {what} mixes right-to-left and left-to-right text (RFC 4013 §2.4)", phase="auth")
