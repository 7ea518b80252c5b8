"""What is attached to a message or embedded in it: octets or a file, with name and type (RFC 2183, RFC 2392)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from mailward.errors import InvalidMessage
from mailward.message.content import octets_of
from mailward.message.field import check_value
from mailward.message.files import AnyFile, FileSource
from mailward.message.octets import Base64
from mailward.message.parameter import media_type, written
from mailward.message.part import Leaf, message_leaf, octets_leaf
from mailward.printable import printable

if TYPE_CHECKING:
    from mimetypes import MimeTypes

OCTET_STREAM: Final = "application/octet-stream"
CID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]{1,200}(?:@[A-Za-z0-9.\-]{1,200})?")


@dataclass(frozen=True, slots=True)
class Attachment:
    """`cid`: of what the HTML shows itself, "" of what is attached. `type`: as it is written."""

    content: bytes | FileSource = field(repr=False)
    name: str
    type: str
    cid: str = ""

    def __post_init__(self) -> None:
        """What stands in the part's header cannot be more than that, whoever makes the attachment."""
        check_value("Content-Type", self.type.replace("\r\n ", " "))
        if self.cid:
            checked_cid(self.cid)

    @classmethod
    def of(cls, content: bytes | AnyFile | FileSource, *, name: str | None, type: str | None) -> Attachment:  # noqa: A002
        """A path is looked at and not read. Raises InputError where it cannot be read."""
        held = content if isinstance(content, bytes | FileSource) else FileSource(content)
        if name is None:
            name = "" if isinstance(held, bytes) else held.name
        return cls(held, name, media_type(type) if type else guessed(name))

    def leaf(self) -> Leaf:
        """The part that it becomes; a file is read when the part's octets are asked for."""
        disposition = "inline" if self.cid else "attachment"
        named = written("filename", self.name) if self.name else ""
        identity = f"Content-ID: <{self.cid}>\r\n" if self.cid else ""
        fields = f"Content-Disposition: {disposition}{named}\r\n{identity}"
        if self.type == "message/rfc822" and isinstance(self.content, bytes):
            return message_leaf(octets_of(self.content), fields)
        body = self.content if isinstance(self.content, bytes) else Base64(self.content)
        return octets_leaf(body, self.type, fields)


def guessed(name: str) -> str:
    """The media type that goes with a file's name, the same on every machine; a message in a file is but a file."""
    kind, encoding = _types().guess_type(name.rpartition("/")[2])
    return kind if kind and not encoding and not kind.startswith("message/") else OCTET_STREAM


def checked_cid(cid: str) -> str:
    """`logo`, or `logo@example.org`: what stands behind `cid:` in the HTML. Raises InvalidMessage."""
    if not CID.fullmatch(cid):
        raise InvalidMessage(f"{printable(cid, 80)!r} is no content id; one looks like logo or logo@example.org")
    return cid


def made_cid(content: bytes | FileSource, number: int) -> str:
    """One of its own, the same for the same message each time."""
    seed = content if isinstance(content, bytes) else f"{content.name} {content.size}".encode()
    return f"part{number}.{sha256(seed).hexdigest()[:20]}@embedded.invalid"


@lru_cache(maxsize=1)
def _types() -> MimeTypes:
    from mimetypes import MimeTypes  # noqa: PLC0415  # knows its own table only: the files of the system differ

    return MimeTypes()
