"""A password against a source's verifier."""

from __future__ import annotations

import pytest

from mailward.accounts.sources.source import OutOfOrder
from mailward.accounts.sources.verifier import matches
from mailward.errors import AuthUnavailable
from mailward.secret import Secret
from tests.support.account_sources import quick_hasher

pytestmark = pytest.mark.asyncio


async def test_right_wrong_and_nobody() -> None:
    """Only the right password of somebody matches."""
    with quick_hasher() as hasher:
        verifier = hasher.hash(Secret("right"))

        assert await matches("s", hasher, verifier, Secret("right"))
        assert not await matches("s", hasher, verifier, Secret("wrong"))
        assert not await matches("s", hasher, None, Secret("right"))


@pytest.mark.parametrize("verifier", ["", "plain text", "$argon2id$v=19$m=99999999,t=1,p=1$AAAA$AAAA", "x" * 2000])
async def test_what_is_no_verifier_is_no_wrong_password(verifier: str) -> None:
    """The account cannot be judged, the source is not to blame, and neither text is shown."""
    with quick_hasher() as hasher, pytest.raises(AuthUnavailable) as refused:
        await matches("s", hasher, verifier, Secret("right"))

    assert not isinstance(refused.value, OutOfOrder)
    assert "plain text" not in str(refused.value)
