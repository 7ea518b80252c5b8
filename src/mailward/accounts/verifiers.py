"""Verifiers of every scheme, found in the folder `schemes/`; also as Dovecot and LDAP (RFC 2307) name them."""

from __future__ import annotations

import pkgutil
import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from mailward.accounts import schemes
from mailward.accounts.scheme import Check, Scheme, unreadable

_LONGEST = 2048
# Schemes that Dovecot names in braces although what follows names itself.
_NAMED_TWICE = re.compile(
    r"\{(?:CRYPT|BLF-CRYPT|SHA256-CRYPT|SHA512-CRYPT|MD5-CRYPT|ARGON2ID?|ARGON2)\}(?=\$)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Verifier:
    """scheme: its name. weak: see `Scheme`."""

    scheme: str
    weak: bool
    check: Check


def read(text: str) -> Verifier:
    """StoreError: no scheme knows it, it is damaged, or it asks for too much. Nothing is hashed yet."""
    if len(text) > _LONGEST or not text.isascii() or not text.isprintable():
        raise unreadable("it is not a line of printable ASCII")
    bare = _NAMED_TWICE.sub("", text, count=1)
    for scheme in known():
        check = scheme.read(bare)
        if check is not None:
            return Verifier(scheme.name, scheme.weak, check)
    raise unreadable("no known scheme made it")


@cache
def known() -> tuple[Scheme, ...]:
    """Every scheme; no verifier is read by two of them."""
    names = [module.name for module in pkgutil.iter_modules(schemes.__path__)]
    return tuple(import_module(f"{schemes.__name__}.{name}").SCHEME for name in names)
