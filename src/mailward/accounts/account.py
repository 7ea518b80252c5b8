"""An account and its one canonical name (RFC 4013; RFC 5321 §4.1.2 for names that are mailboxes)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from mailward.errors import InputError, InvalidAddress
from mailward.printable import printable
from mailward.sasl.mechanism import ScramKeys
from mailward.sasl.saslprep import prepare_name
from mailward.wire.address import Mailbox

_PASSES = 8  # no name that means anything needs more than three


@dataclass(frozen=True, slots=True)
class Account:
    """name: canonical. verifier: argon2id, PHC string. created, changed (the password): Unix seconds.

    senders: keys (`Mailbox.key`) of the envelope senders it may use; its own address is one when it is a mailbox.
    """

    name: str
    verifier: str = field(repr=False)
    scram: ScramKeys = field(repr=False)
    senders: tuple[str, ...]
    created: float
    changed: float

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
