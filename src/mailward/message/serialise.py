"""The final octets of an email.message object, every header written by us (RFC 5322, RFC 2045).

The standard library lets display names, encoded words and header names become headers or recipients of their own, so
of its generator only the structure of parts is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from email.errors import MessageError, NonASCIILocalPartDefect
from email.message import Message
from email.policy import EmailPolicy
from typing import Any

from mailward.errors import InvalidAddress, InvalidMessage, MailwardError
from mailward.message.address_list import parse_address_list
from mailward.message.encoded_word import decode_words
from mailward.message.field import (
    ADDRESS_FIELDS,
    CRLF,
    MAX_LINE,
    address_text,
    check_name,
    check_value,
    field,
    fold,
    source_lines,
    unstructured,
)
from mailward.message.transfer_encoding import encoded, is_carried, normalised
from mailward.printable import printable

DEEPEST_PART = 50
MOST_PARTS = 10_000
MOST_PARAMETERS = 300

_PARAMETER_FIELDS = frozenset({"content-type", "content-disposition"})
# What the standard library notes about addresses that are still clear to every reader.
_HARMLESS = frozenset(
    {"period in 'phrase'", "empty element in address-list", "address-list entry with no content"},
)
_ONE_FIELD = re.compile(r"[!-9;-~]++:[^\r\n]*+(?>(?:\r\n[ \t][^\r\n]*+)*)\r\n")
_QUOTED = re.compile(r'<[^<>]*+>|"[^"\\]*+(?>(?:\\.[^"\\]*+)*)"')


class WirePolicy(EmailPolicy):
    """Stores header text unparsed and checked, and writes each field itself."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        check_name(name)
        if not isinstance(value, str) or hasattr(value, "defects"):
            return super().header_store_parse(name, value)
        check_value(name, "".join(source_lines(name, value)))
        return name, value

    def fold(self, name: str, value: object) -> str:
        check_name(name)
        parsed = hasattr(value, "defects")
        text = self._parsed(name, value) if parsed else self._source(name, str(value))
        if not _ONE_FIELD.fullmatch(text):
            raise InvalidMessage(f"header {printable(name, 80)}: its value would become another header")
        return text

    def fold_binary(self, name: str, value: object) -> bytes:
        return self.fold(name, value).encode()

    def _source(self, name: str, value: str) -> str:
        """Text that is as its author wrote it: kept, lines and all, if it can be."""
        lines = source_lines(name, value)
        text = _utf8(name, "".join(lines))
        check_value(name, text)
        if not text.isascii():
            return self._written(name, text)
        check_value(name, decode_words(text))
        _check_comments(name, text)
        if len(name) + 2 + max(map(len, lines)) <= MAX_LINE:
            return field(name, CRLF.join(lines))
        return field(name, fold(name, text))

    def _parsed(self, name: str, value: object) -> str:
        """A header object of the standard library: what it made of the text is what its author must have meant."""
        text = str(value)
        check_value(name, text)
        if name.lower() in ADDRESS_FIELDS:
            _check_defects(name, getattr(value, "defects", ()))
        _check_comments(name, text)
        return self._written(name, text, value)

    def _written(self, name: str, text: str, value: Any = None) -> str:
        if name.lower() in ADDRESS_FIELDS:
            return field(name, fold(name, address_text(parse_address_list(text))))
        if name.lower() in _PARAMETER_FIELDS:  # RFC 2231
            header = self.header_factory(name, text) if value is None else value
            return str(header.fold(policy=self))
        return field(name, fold(name, unstructured(text)))


def wire_policy() -> WirePolicy:
    """Octets as they are in the parts (`serialise` has made them fit to carry), CRLF between lines."""
    return WirePolicy(linesep=CRLF, cte_type="8bit")


def _utf8(name: str, text: str) -> str:
    """Raw octets, which the standard library's parser keeps as surrogates, read as UTF-8."""
    try:
        return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode()
    except UnicodeError as error:
        raise InvalidMessage(f"header {printable(name, 80)}: its value is neither text nor UTF-8") from error


def _check_defects(name: str, defects: tuple[MessageError, ...]) -> None:
    for defect in defects:
        if not isinstance(defect, NonASCIILocalPartDefect) and str(defect) not in _HARMLESS:
            raise InvalidAddress(f"header {printable(name, 80)}: ambiguous address ({printable(str(defect), 120)})")


def _check_comments(name: str, text: str) -> None:
    """The comments of List-* fields (RFC 2369 §2) close where they must."""
    if not name.lower().startswith("list-"):
        return
    depth = 0
    for bracket in re.findall(r"[()]", _QUOTED.sub("", text)):
        depth += 1 if bracket == "(" else -1
        if depth < 0:
            break
    if depth:
        raise InvalidMessage(f"header {printable(name, 80)}: a comment's brackets do not match")


def serialise(message: Message[Any, Any], *, eight_bit: bool) -> bytes:
    """All octets of `message`, Bcc too. Parts that cannot be carried as they are get encoded, on a copy.

    Parts inside multipart/signed stay as they are: encoding them would break the signature.
    """
    try:
        if any(not _is_carried(part, eight_bit=eight_bit) for part in _free_leaves(message)):
            message = deepcopy(message)
            for part in _free_leaves(message):
                if not _is_carried(part, eight_bit=eight_bit):
                    _encode(part)
        return message.as_bytes(policy=wire_policy())
    except MailwardError:
        raise
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        reason = printable(f"{type(error).__name__}: {error}", 200)
        raise InvalidMessage(f"the message cannot be serialised: {reason}") from error


def _free_leaves(message: Message[Any, Any]) -> Iterator[Message[Any, Any]]:
    """The parts with a body of their own that are not signed. Without recursion, and bounded."""
    stack: list[tuple[Message[Any, Any], int, bool]] = [(message, 1, False)]
    count = 0
    while stack:
        part, depth, signed = stack.pop()
        count += 1
        if depth > DEEPEST_PART or count > MOST_PARTS:
            raise InvalidMessage(f"parts nested deeper than {DEEPEST_PART}, or more than {MOST_PARTS} of them")
        _check_parameters(part)
        signed = signed or part.get_content_type() == "multipart/signed"
        payload = part.get_payload()
        if isinstance(payload, list):
            stack += [(inner, depth + 1, signed) for inner in reversed(payload) if isinstance(inner, Message)]
        elif not signed:
            yield part


def _check_parameters(part: Message[Any, Any]) -> None:
    """The standard library reads parameters in more than linear time, and again at each question."""
    for name, value in part.raw_items():
        if name.lower() in _PARAMETER_FIELDS and (text := str(value)).count(";") + text.count("*") > MOST_PARAMETERS:
            raise InvalidMessage(f"header {printable(name, 80)} has more than {MOST_PARAMETERS} parameters")


def _is_carried(part: Message[Any, Any], *, eight_bit: bool) -> bool:
    payload = part.get_payload()
    if not isinstance(payload, str):
        return True
    octets = payload.encode() if payload.isascii() else _raw_octets(part, payload)
    return is_carried(normalised(octets), eight_bit=eight_bit)


def _raw_octets(part: Message[Any, Any], payload: str) -> bytes:
    """The octets behind a payload that was shown to us as text; text that has none is refused."""
    octets = part.get_payload(decode=True)
    charset = part.get_content_charset("us-ascii")
    if not isinstance(octets, bytes) or octets.decode(charset, "replace") != payload:
        raise InvalidMessage(
            f"a body is text that its charset {printable(charset, 40)} did not encode",
            advice="use EmailMessage.set_content(), or set_payload() with a charset",
        )
    return octets


def _encode(part: Message[Any, Any]) -> None:
    octets = part.get_payload(decode=True)
    if not isinstance(octets, bytes) or part.get_content_maintype() in {"multipart", "message"}:
        kind = printable(part.get_content_type(), 80)
        raise InvalidMessage(f"a {kind} part has 8-bit octets or lines over {MAX_LINE} octets")
    text = part.get_content_maintype() == "text"
    encoding, body = encoded(normalised(octets) if text else octets, text=text)
    del part["Content-Transfer-Encoding"]
    part["Content-Transfer-Encoding"] = encoding
    part.set_payload(body)
