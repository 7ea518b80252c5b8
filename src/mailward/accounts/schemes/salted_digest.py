"""{SSHA}, {SSHA256} and {SSHA512}: one salted hash, quick to guess; better replaced at the first login."""

from __future__ import annotations

from functools import partial

from mailward.accounts import ldap_digest
from mailward.accounts.scheme import Scheme

_ALGORITHMS = {"SSHA": "sha1", "SSHA256": "sha256", "SSHA512": "sha512"}

SCHEME = Scheme(name="salted-sha", read=partial(ldap_digest.read, algorithms=_ALGORITHMS, salted=True))
