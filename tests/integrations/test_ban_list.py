from __future__ import annotations

from pathlib import Path

import pytest

from mailward.errors import InputError
from mailward.integrations.ban_list import BanList, subject_of
from tests.integrations.place import opened


@pytest.mark.parametrize(
    "text, subject",
    [
        ("192.0.2.7", "ip:192.0.2.7"),
        ("ip:192.0.2.7", "ip:192.0.2.7"),
        ("::ffff:192.0.2.7", "ip:192.0.2.7"),
        ("2001:db8::7", "ip:2001:db8::/64"),
        ("ip:2001:db8::/64", "ip:2001:db8::/64"),
        ("Ann@Example.test", "account:Ann@example.test"),
        ("account:ann@example.test", "account:ann@example.test"),
    ],
)
def test_subjects(text: str, subject: str) -> None:
    """What a person writes, and what a listing prints."""
    assert subject_of(text).lower() == subject.lower()


@pytest.mark.parametrize(
    "text", ["", "ip:ann", "two words", "account:", "203.0.113.0/24", "203.0.113.300", "2001:db8:::7"]
)
def test_what_is_no_subject(text: str) -> None:
    """Is told."""
    with pytest.raises(InputError):
        subject_of(text)


@pytest.mark.asyncio
async def test_bans(tmp_path: Path) -> None:
    """Added, listed as the operator's, and lifted once."""
    async with opened(tmp_path) as place:
        services = place.services
        every = BanList(
            reader=services.reader, submit=services.submit, record=services.logins.record, utc=services.logins.utc
        )

        added = await every.add("ip:192.0.2.7", seconds=60)
        listed = every.listing()
        removed = [await every.remove("ip:192.0.2.7") for _ in range(2)]

        assert [(ban.subject, ban.by, ban.until) for ban in listed] == [("ip:192.0.2.7", "operator", added.until)]
        assert removed == [True, False]
        assert every.listing() == ()
        assert [event["type"] for event in await place.events()] == ["ban.added", "ban.removed"]
