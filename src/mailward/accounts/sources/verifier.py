"""A password against the verifier that a source gave: the hasher's work is the same for a name nobody has."""

from __future__ import annotations

from mailward.accounts.hasher import Hasher
from mailward.accounts.sources.source import bad_answer
from mailward.errors import StoreError
from mailward.secret import Secret

LONGEST = 1024


async def matches(source: str, hasher: Hasher, verifier: str | None, password: Secret) -> bool:
    """None, for nobody's name or an account without a password: the same work, and False.

    AuthUnavailable: it is no verifier, or the hasher is busy.
    """
    if verifier is not None and len(verifier) > LONGEST:
        raise bad_answer(source, f"a verifier of {len(verifier)} characters")
    try:
        return await hasher.verify_async(verifier, password)
    except StoreError as error:
        problem = error.message
    raise bad_answer(source, problem)
