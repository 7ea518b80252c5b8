"""What names a message for ever: `<left@right>` without white space or comments (RFC 5322 §3.6.4)."""

from __future__ import annotations

import re

from mailward.errors import InvalidMessage
from mailward.printable import printable

_DOT_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]++(?>(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]++)*)"
_MESSAGE_ID = re.compile(rf"<{_DOT_ATOM}@(?:{_DOT_ATOM}|\[[!-Z^-~]*+\])>")


def is_message_id(text: str) -> bool:
    return _MESSAGE_ID.fullmatch(text) is not None


def checked_id(message_id: str) -> str:
    """A Message-ID as it is written. Raises InvalidMessage."""
    if not is_message_id(message_id):
        raise InvalidMessage(f"{printable(message_id, 80)!r} is no message id; one looks like <unique@host.example>")
    return message_id
