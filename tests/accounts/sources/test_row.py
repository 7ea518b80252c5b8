"""What a query says about an account."""

from __future__ import annotations

import pytest

from mailward.accounts.sources.row import judge, record
from mailward.accounts.sources.source import UNKNOWN, SourceAnswer
from mailward.errors import AuthUnavailable
from mailward.secret import Secret
from tests.support.account_sources import question, quick_hasher

pytestmark = pytest.mark.asyncio


async def test_one_row() -> None:
    """Lists are text or arrays, a lock a number, a boolean or a text; another name may be the account's."""
    with quick_hasher() as hasher:
        row = {
            "password": hasher.hash(Secret("four words of ann")),
            "account": "anna",
            "senders": "a@b.test c@d.test",
            "allow_from": ["192.0.2.1"],
            "disabled": 1,
        }
        said = await judge("s", hasher, question(), record("s", [row]))

    assert said == SourceAnswer(
        "anna", right=True, senders=("a@b.test", "c@d.test"), allow_from=("192.0.2.1/32",), disabled=True
    )


async def test_nobody_and_no_password() -> None:
    """No row is nobody; NULL as a password matches nothing."""
    with quick_hasher() as hasher:
        assert await judge("s", hasher, question(), record("s", [])) == UNKNOWN
        said = await judge("s", hasher, question("ann"), {"password": None, "disabled": None, "senders": None})

    assert said == SourceAnswer("ann", right=False)


@pytest.mark.parametrize(
    "rows",
    [
        [{"password": "x"}, {"password": "y"}],
        [{"passwort": "x"}],
        [{"password": "x", "is_disabled": 1}],
    ],
)
async def test_rows_that_mean_nothing(rows: list[dict[str, object]]) -> None:
    """Two rows, no verifier and a misspelt lock are not taken for an answer."""
    with pytest.raises(AuthUnavailable):
        record("s", rows)


async def test_a_column_of_another_type() -> None:
    """A verifier of octets is not guessed at."""
    with quick_hasher() as hasher, pytest.raises(AuthUnavailable, match="column password"):
        await judge("s", hasher, question(), {"password": b"x"})
