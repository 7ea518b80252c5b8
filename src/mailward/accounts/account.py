"""An account and its one canonical name (RFC 4013; RFC 5321 §4.1.2 for names that are mailboxes)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TypeAlias

from mailward.errors import InputError, InvalidAddress
from mailward.printable import printable
from mailward.sasl.mechanism import ScramKeys
from mailward.sasl.saslprep import prepare_name
from mailward.wire.address import Mailbox

_PASSES = 8  # no name that means anything needs more than three


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """What is kept of one password. id: of the credential, never given twice. verifier: what `Hasher.verify` reads.

    scram: None where only a foreign verifier was imported. due: past its time from then on, and taken for the last
    days. expires: the first moment it is taken no more. Unix seconds all; None: never.
    """

    id: int
    verifier: str = field(repr=False)
    scram: ScramKeys | None = field(repr=False)
    created: float
    last_used: float | None = None
    due: float | None = None
    expires: float | None = None

    def in_grace(self, now: float) -> bool:
        """Past its time, and still taken."""
        return self.due is not None and self.due <= now and (self.expires is None or now < self.expires)


@dataclass(frozen=True, slots=True)
class AppPassword:
    """One program's password, made here: nobody can guess it, so SHA-256 (`digest`, in hex) is enough to keep it.

    selector: the part of it that it is found by, no secret. allow_from: networks it may come from; empty: any.
    """

    id: int
    label: str
    selector: str
    digest: str = field(repr=False)
    scram: ScramKeys | None = field(repr=False)
    scopes: frozenset[str]
    allow_from: tuple[str, ...]
    created: float
    expires: float | None = None
    last_used: float | None = None


Credential: TypeAlias = StoredPassword | AppPassword


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOverride:
    """What the configuration file says of an account; None: what the store says counts."""

    allow_from: tuple[str, ...] | None = None
    senders: tuple[str, ...] | None = None
    second_factor: bool | None = None
    disabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """name: canonical. passwords: those taken now, the newest first; two while they overlap. old: before, newest first.
    Kept elsewhere, it has none.

    senders: keys (`Mailbox.key`) of the envelope senders it may use; its own address is one when it is a mailbox.
    changed: grows with everything that must end its sessions: a password that is taken no more, an app password
    revoked, other networks, a lock, a second factor. scram_salt, scram_iterations: of all its passwords, for its life.
    must_change: no password of its own logs in until it is changed. second_factor: only app passwords log in.
    overridden: the fields that the configuration file decides.
    """

    name: str
    passwords: tuple[StoredPassword, ...]
    senders: tuple[str, ...]
    created: float
    changed: float
    scram_salt: bytes = field(default=b"", repr=False)
    scram_iterations: int = 0
    old: tuple[StoredPassword, ...] = ()
    app_passwords: tuple[AppPassword, ...] = ()
    allow_from: tuple[str, ...] = ()
    disabled: bool = False
    second_factor: bool = False
    totp: bool = False
    must_change: bool = False
    overridden: frozenset[str] = frozenset()

    @property
    def expires(self) -> float | None:
        """When the newest password is taken no more."""
        return self.passwords[0].expires if self.passwords else None

    def credential(self, number: int) -> Credential | None:
        """The password or app password of this id, unless it is an old one or gone."""
        every: tuple[Credential, ...] = (*self.passwords, *self.app_passwords)
        return next((each for each in every if each.id == number), None)

    def may_send_as(self, mailbox: Mailbox) -> bool:
        return mailbox.key in self.senders


def canonical(name: str) -> str:
    """The one key of this account name, to look up and to throttle by: SASLprep, case folding, NFC; its own key.

    A name with an "@" is a mailbox (its domain in A-labels); any other has no space and may use no envelope sender
    that is not listed. Raises InputError for what can be no account's name: such a login fails as any other does,
    with no account to count it on.
    """
    key = name
    for _ in range(_PASSES):  # folding one character can give another that SASLprep or folding changes in turn
        before, key = key, _folded(key)
        if key == before:
            return key
    raise InputError(f"the account name {printable(name, 80)!r} has no settled spelling", phase="account")


def _folded(name: str) -> str:
    prepared = prepare_name(name, what="account name")
    if "@" in prepared:
        return _mailbox(prepared).key
    folded = _fold(prepared)
    if any(map(str.isspace, folded)):
        raise InputError(f"the account name {printable(name, 80)!r} has a space in it", phase="account")
    return folded


def sender_key(address: str) -> str:
    """The key of an envelope sender. Raises InputError."""
    return _mailbox(address).key


def _mailbox(address: str) -> Mailbox:
    local_part, at, domain = address.rpartition("@")
    try:
        return Mailbox.parse(local_part + at + domain.lower())  # IDNA2008 has no upper case
    except InvalidAddress as error:
        raise InputError(f"{printable(address, 80)!r} is not a mailbox: {error}", phase="account") from error


def _fold(text: str) -> str:
    """Folding can undo the normalisation and the other way round, so until neither changes anything."""
    folded = unicodedata.normalize("NFC", text.casefold())
    return folded if folded == text else _fold(folded)
