"""{SHA}, {SHA256}, {SHA512} and {LDAP-MD5}, weak: one hash without a salt, the same for everyone of one password."""

from __future__ import annotations

from functools import partial

from mailward.accounts import ldap_digest
from mailward.accounts.scheme import Scheme

_ALGORITHMS = {"SHA": "sha1", "SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512", "LDAP-MD5": "md5"}

SCHEME = Scheme(name="unsalted", read=partial(ldap_digest.read, algorithms=_ALGORITHMS, salted=False), weak=True)
