"""Postfix's policy delegation protocol: requests of name=value lines up to an empty line, and the answer. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mailward.errors import ProtocolError
from mailward.integrations.lines import Lines

LONGEST_LINE: Final = 8_192  # octets
_MOST_ATTRIBUTES: Final = 100
_PROTOCOL = "smtpd_access_policy"


class PolicyReader:
    """`feed` what arrives. Raises ProtocolError for what is no request; then the connection must end."""

    def __init__(self) -> None:
        self._lines = Lines(longest=LONGEST_LINE)
        self._attributes: dict[str, str] = {}

    def feed(self, data: bytes) -> Iterator[dict[str, str]]:
        for line in self._lines.feed(data):
            if line:
                self._add(line)
                continue
            attributes, self._attributes = self._attributes, {}
            if attributes.get("request") != _PROTOCOL:
                raise _broken(f"no request={_PROTOCOL}")
            yield attributes

    def _add(self, line: bytes) -> None:
        name, equals, value = line.partition(b"=")
        if not equals or not name or b"\0" in line:
            raise _broken("a line that is not name=value")
        key = name.decode("ascii", "backslashreplace")
        if key in self._attributes:
            raise _broken("an attribute twice")
        if len(self._attributes) >= _MOST_ATTRIBUTES:
            raise _broken(f"more than {_MOST_ATTRIBUTES} attributes")
        self._attributes[key] = value.decode("utf-8", "surrogateescape")


def action(text: str) -> bytes:
    """The answer; `text` is one of ours, as in access(5)."""
    if "\n" in text or "\r" in text:
        raise ValueError("an action is one line")
    return f"action={text}\n\n".encode()


def _broken(what: str) -> ProtocolError:
    return ProtocolError(f"policy delegation protocol: {what}", phase="door")
