"""{SMD5}, weak: one salted MD5."""

from __future__ import annotations

from functools import partial

from mailward.accounts import ldap_digest
from mailward.accounts.scheme import Scheme

_ALGORITHMS = {"SMD5": "md5"}

SCHEME = Scheme(name="salted-md5", read=partial(ldap_digest.read, algorithms=_ALGORITHMS, salted=True), weak=True)
