"""DKIM signatures, RSA-SHA256 and Ed25519, alone or both (RFC 6376, RFC 8301, RFC 8463)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, NoReturn

from mailward.errors import InputError, InvalidMessage
from mailward.message.dkim_canonical import Field, Pieces, body_hash, fields_of, relaxed_value, split
from mailward.message.dkim_key import algorithm, checked_domain, checked_selector, read_keys, record
from mailward.message.private_key import AnyKey, Passphrase, without_frames
from mailward.wire.address import Mailbox

if TYPE_CHECKING:
    from mailward.message.dkim_key import PrivateKey

_LISTS = ("id", "help", "unsubscribe", "unsubscribe-post", "subscribe", "post", "owner", "archive")
# What a reader or his program goes by (RFC 6376 §5.4.1), and what RFC 8058 and the great providers ask to be signed.
SIGNED = (
    *("from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references"),
    *("mime-version", "content-type", "content-transfer-encoding", "content-id", "content-description"),
    *("resent-from", "resent-sender", "resent-to", "resent-cc", "resent-date", "resent-message-id"),
    *(f"list-{name}" for name in _LISTS),
    "feedback-id",
)
# Once more than they are there, so that nobody can add another on top: these even if there is none, …
OVERSIGNED = ("from", "reply-to", "to", "cc", "subject")
# … and these if there is one, because a server may add them to a message without (RFC 6409 §8).
_OVERSIGNED_IF_THERE = ("date", "message-id", "mime-version", "content-type", "content-transfer-encoding", "sender")
_NEVER = frozenset(("return-path", "received", "bcc", "resent-bcc", "dkim-signature", "authentication-results"))
_FIELD_NAME = re.compile(r"[!-9<-~]+")  # no colon, and no semicolon either: that ends h=
_LINE = 76


@dataclass(frozen=True, slots=True)
class _Signing:
    """One selector and its key."""

    selector: str
    key: PrivateKey

    def signature(self, data: bytes) -> bytes:
        """RSA signs `data`, Ed25519 its SHA-256 (RFC 8463 §3)."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(sha256(data).digest())
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        return self.key.sign(data, PKCS1v15(), SHA256())


class DKIM:
    """Signs as `domain`, with the key that DNS publishes under `selector`. The kind of key decides the algorithm.

    key: PEM as a str, bytes or a `Secret`, a `pathlib.Path` of it, or a key object of cryptography.
    second: another (selector, key), of the other kind: old verifiers read RSA, Ed25519 is short and strong (RFC 8463).
    headers: the names of the fields to sign, if present. oversign: those of which nobody may add another; () for none.
    canonicalization: header/body, each "relaxed" or "simple". expires: how long the signature is to hold.
    identity: who signs, `@example.org` or `ann@example.org`, within `domain`.
    insecure_short_key: take RSA keys of 1024 bits, which RFC 8301 says nobody should use.
    """

    domain = ""
    _signings: tuple[_Signing, ...] = ()  # so that there is a repr even where the key is refused

    def __init__(
        self,
        domain: str,
        selector: str,
        key: AnyKey,
        *,
        second: tuple[str, AnyKey] | None = None,
        headers: Sequence[str] = SIGNED,
        oversign: Sequence[str] | None = None,
        canonicalization: str = "relaxed/relaxed",
        expires: timedelta | None = None,
        identity: str | None = None,
        passphrase: Passphrase = None,
        insecure_short_key: bool = False,
    ) -> None:
        selectors = (selector,) if second is None else (selector, second[0])
        given = [key] if second is None else [key, second[1]]
        keys = without_frames(read_keys, given, passphrase, short=insecure_short_key)
        del key, given, second, passphrase  # what is refused below is refused without them
        if isinstance(keys, InputError):
            raise keys
        self._signings = tuple(map(_Signing, map(checked_selector, selectors), keys))
        _check_pair(self._signings)
        self.domain = checked_domain(domain)
        self._rules = _rules(headers, oversign)
        self._form = _form(canonicalization)
        self._expires = _lifetime(expires)
        self._identity = None if identity is None else _identity(identity, self.domain)

    def __repr__(self) -> str:
        told = ", ".join(f"{each.selector} {algorithm(each.key)}" for each in self._signings)
        return f"DKIM({self.domain}: {told})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a DKIM key cannot be pickled or copied")

    @property
    def selectors(self) -> tuple[str, ...]:
        return tuple(each.selector for each in self._signings)

    def records(self) -> dict[str, str]:
        """What DNS must hold: the name of each TXT record and its text."""
        return dict(zip(self.names, (record(each.key) for each in self._signings), strict=True))

    @property
    def names(self) -> tuple[str, ...]:
        """Where the public keys are, one for each signature."""
        return tuple(f"{each.selector}._domainkey.{self.domain}" for each in self._signings)

    def sign(self, content: bytes | Pieces, *, at: datetime | None = None) -> bytes:
        """The DKIM-Signature fields to put in front of `content`, the final octets with CRLF; it is read once.

        `at`: now, which the signature tells; without it there is no time in it. Raises InvalidMessage, InputError.
        """
        section, body = split(content)
        fields = fields_of(section)
        if len(fields.get(b"from", ())) != 1:
            raise InvalidMessage("DKIM signs a message with exactly one From field (RFC 6376 §5.4)", phase="dkim")
        relaxed_header, relaxed_body = self._form
        names, signed = self._selected(fields, relaxed=relaxed_header)
        digest = b64encode(body_hash(body, relaxed=relaxed_body)).decode("ascii")
        tags = [*self._times(at), _folded("h", names), f"bh={digest}"]
        return b"".join(self._field(each, tags, signed) for each in self._signings)

    def _selected(self, fields: dict[bytes, list[Field]], *, relaxed: bool) -> tuple[list[str], bytes]:
        """The names for h=, and the fields themselves: of one name the last first (RFC 6376 §5.4.2)."""
        names: list[str] = []
        signed: list[bytes] = []
        for name, key, always, if_there in self._rules:
            there = fields.get(key)
            if there is None:
                if always:
                    names.append(name)
                continue
            names += [name] * (len(there) + if_there)
            signed += [field.canonical(relaxed=relaxed) for field in reversed(there)]
        return names, b"".join(signed)

    def _times(self, at: datetime | None) -> list[str]:
        if at is None:
            if self._expires:
                raise InputError("a DKIM signature that expires needs to know the time", advice="give at= to sign()")
            return []
        if at.utcoffset() is None:
            raise InputError("the time of a DKIM signature has no time zone", advice="give an aware datetime")
        now = int(at.timestamp())
        return [f"t={now}", f"x={now + self._expires}"] if self._expires else [f"t={now}"]

    def _field(self, signing: _Signing, tags: list[str], signed: bytes) -> bytes:
        relaxed, relaxed_body = self._form
        form = f"{'relaxed' if relaxed else 'simple'}/{'relaxed' if relaxed_body else 'simple'}"
        first = f" v=1; a={algorithm(signing.key)}; c={form}; d={self.domain};"
        second = [f"s={signing.selector}", *([f"i={self._identity}"] if self._identity else ()), *tags]
        value = ";\r\n ".join([first.removesuffix(";"), *second, "b="]).encode("ascii")
        own = b"dkim-signature:" + relaxed_value(value) if relaxed else b"DKIM-Signature:" + value
        text = b64encode(signing.signature(signed + own))
        lines = [text[start : start + _LINE - 2] for start in range(0, len(text), _LINE - 2)]
        return b"DKIM-Signature:" + value + b"\r\n  ".join([b"", *lines]) + b"\r\n"


def _folded(tag: str, names: Iterable[str]) -> str:
    """`h=` and the names, on lines of 76 octets where they can be."""
    lines, line = [], f"{tag}="
    for name in names:
        if len(line) + len(name) > _LINE:
            lines.append(line)
            line = " "
        line += f"{name}:"
    return "\r\n ".join([*lines, line.removesuffix(":")])


def _rules(headers: Sequence[str], oversign: Sequence[str] | None) -> tuple[tuple[str, bytes, bool, bool], ...]:
    """Of each name: as text, as octets, whether h= has it without a field, and whether once more than there are."""
    always = OVERSIGNED if oversign is None else _names("oversign", oversign)
    if_there = (*always, *(_OVERSIGNED_IF_THERE if oversign is None else ()))
    names = dict.fromkeys((*_names("headers", headers), *always))
    return tuple((name, name.encode("ascii"), name in always, name in if_there) for name in names)


def _names(option: str, names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise InputError(f"dkim: {option}= must be a list of header names", phase="options")
    lower = tuple(dict.fromkeys(name.lower() for name in names))
    for name in lower:
        if name in _NEVER or not _FIELD_NAME.fullmatch(name):
            raise InputError(f"dkim: {option}= names a field that must not be signed: {name!a}", phase="options")
    if option == "headers" and "from" not in lower:
        raise InputError("dkim: headers= must name From (RFC 6376 §5.4)", phase="options")
    return lower


def _form(text: str) -> tuple[bool, bool]:
    """Whether header and body are relaxed."""
    header, _, body = text.partition("/")
    if {header, body or "simple"} - {"relaxed", "simple"}:
        raise InputError('dkim: canonicalization= is "relaxed/relaxed", "relaxed/simple" …', phase="options")
    return header == "relaxed", body == "relaxed"


def _lifetime(expires: timedelta | None) -> int:
    seconds = 0 if expires is None else int(expires.total_seconds())
    if expires is not None and seconds < 1:
        raise InputError("dkim: expires= must be a timedelta of a second at least", phase="options")
    return seconds


def _identity(text: str, domain: str) -> str:
    """As i= writes it (RFC 6376 §3.5)."""
    local, at, _ = text.rpartition("@")
    mailbox = Mailbox.parse(text if local else f"x{text}") if at else None
    if mailbox is None or not f".{mailbox.domain}".endswith(f".{domain}"):
        raise InputError(f"dkim: identity= must be an address of {domain} or of its subdomains", phase="options")
    return f"{_quoted_printable(str(mailbox).rpartition('@')[0]) if local else ''}@{mailbox.domain}"


def _quoted_printable(text: str) -> str:
    """dkim-quoted-printable (RFC 6376 §2.11)."""
    return "".join(
        chr(octet) if 0x21 <= octet <= 0x7E and octet not in b";=" else f"={octet:02X}" for octet in text.encode()
    )


def _check_pair(signings: tuple[_Signing, ...]) -> None:
    if len(signings) == 2:
        first, second = signings
        if algorithm(first.key) == algorithm(second.key) or first.selector == second.selector:
            raise InputError(
                "dkim: second= must have a key of the other kind, and a selector of its own", phase="options"
            )
