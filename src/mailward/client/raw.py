"""Finished messages that are sent octet by octet, from memory, a file or a stream."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

from mailward.client.how import NO_HOW, How
from mailward.client.submission import Submission, prepare
from mailward.errors import InvalidMessage
from mailward.message.content import content_of
from mailward.message.files import spool
from mailward.message.octets import octets_of_file

if TYPE_CHECKING:
    from mailward.client.submission import AnyRecipients

    AnyStream: TypeAlias = bytes | str | os.PathLike[str] | BinaryIO

_MOST_SPOOLED: Final = 1 << 32  # octets of a stream that cannot be read twice


def prepare_raw(content: AnyStream, *, sender: str, recipients: AnyRecipients, how: How = NO_HOW) -> Submission:
    """Raises InvalidMessage for octets that cannot be sent as they are."""
    if isinstance(content, bytes):
        if content_of(content) != content:
            raise InvalidMessage(
                "the message has line breaks other than CRLF, no CRLF at its end, or a Bcc field",
                phase="message",
                advice="use send(), which mends that, or give the octets as they are to go",
            )
        return prepare(content, sender=sender, recipients=recipients, how=how)
    if isinstance(content, str | os.PathLike) or _seekable(content):
        octets = octets_of_file(content)
    else:
        octets = octets_of_file(spool(content, most=_MOST_SPOOLED))
    return prepare(octets, sender=sender, recipients=recipients, how=how)


def _seekable(stream: BinaryIO) -> bool:
    try:
        return stream.seekable()
    except AttributeError:
        raise InvalidMessage("the message must be bytes, a path or an open binary file", phase="message") from None
