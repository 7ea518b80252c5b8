from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.place import Place, opened
from tests.support.installation import ANN

QUESTION = {"source": "192.0.2.7", "account": ANN, "service": "imap", "session": "s1", "mechanism": "plain"}


async def fail(place: Place, number: int, *, source: str = "192.0.2.7") -> tuple[int, dict[str, object]]:
    body = QUESTION | {"source": source, "success": False, "password_tag": f"t{number}", "session": f"s{number}"}
    answer: tuple[int, dict[str, object]] = await place.post("http_api", "/v1/report", body)
    return answer


@pytest.mark.asyncio
async def test_a_login_is_allowed_and_reported(tmp_path: Path) -> None:
    """allow, then report: the guard learns the source, and the event says which door told it."""
    async with opened(tmp_path, "http_api") as place:
        allowed = await place.post("http_api", "/v1/allow", QUESTION)
        reported = await place.post("http_api", "/v1/report", QUESTION | {"success": True})
        (event,) = await place.events()

        assert allowed == (200, {"allow": True, "reason": None, "until": None, "delay": 0.0})
        assert reported == (200, {"counted": False, "delay": 0.0})
        assert (event["type"], event["listener"], event["mechanism"], event["credential"]) == (
            "login.succeeded",
            "http-api:imap",
            "PLAIN",
            "reported",
        )
        assert place.services.known.knows(ANN, "ip:192.0.2.7", since=0.0)


@pytest.mark.asyncio
async def test_failures_ban_a_source(tmp_path: Path) -> None:
    """Each distinct wrong password counts once; when they are spent, allow says no, why, and until when."""
    async with opened(tmp_path, "http_api") as place:
        assert (await fail(place, 0))[1]["counted"] is True
        assert (await fail(place, 0))[1]["counted"] is False
        for number in range(1, 5):
            await fail(place, number)
        status, answer = await place.post("http_api", "/v1/allow", QUESTION)

        assert (status, answer["allow"], answer["reason"]) == (200, False, "banned")
        assert answer["until"].endswith("Z")
        assert (await place.post("http_api", "/v1/allow", QUESTION | {"source": "198.51.100.1"}))[1]["allow"] is True


@pytest.mark.asyncio
async def test_bans_are_listed_added_and_lifted(tmp_path: Path) -> None:
    """In force at once, each with its event."""
    async with opened(tmp_path, "http_api") as place:
        status, ban = await place.post("http_api", "/v1/bans", {"subject": "2001:db8::7", "seconds": 60})
        assert (status, ban["subject"]) == (201, "ip:2001:db8::/64")
        question = QUESTION | {"source": "2001:db8::9"}
        assert (await place.post("http_api", "/v1/allow", question))[1]["allow"] is False
        assert (await place.post("http_api", "/v1/bans", b"", method="GET")) == (200, {"bans": [ban]})
        assert (await place.post("http_api", "/v1/bans/ip:2001:db8::%2F64", b"", method="DELETE"))[0] == 200
        assert (await place.post("http_api", "/v1/bans/2001:db8::7", b"", method="DELETE"))[0] == 404
        assert (await place.post("http_api", "/v1/allow", question))[1]["allow"] is True

        assert [(e["type"], e["reason"]) for e in await place.events("ban.added", "ban.removed")] == [
            ("ban.added", "operator"),
            ("ban.removed", "operator"),
        ]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "path, body",
    [
        ("/v1/allow", {}),
        ("/v1/allow", QUESTION | {"source": "x"}),
        ("/v1/allow", QUESTION | {"account": 5}),
        ("/v1/allow", QUESTION | {"account": "a" * 2000}),
        ("/v1/allow", QUESTION | {"service": "Ünï"}),
        ("/v1/allow", QUESTION | {"tls": "perhaps"}),
        ("/v1/allow", [1]),
        ("/v1/allow", b"{"),
        ("/v1/allow", b"[" * 60_000),
        ("/v1/report", QUESTION),
        ("/v1/report", QUESTION | {"success": False, "reason": "hunger"}),
        ("/v1/bans", {"subject": "192.0.2.7"}),
        ("/v1/bans", {"subject": "192.0.2.7", "seconds": True}),
        ("/v1/bans", {"subject": "192.0.2.7", "seconds": 1e99}),
        ("/v1/bans", {"subject": "ip:x", "seconds": 5}),
    ],
)
async def test_what_cannot_be_understood(tmp_path: Path, path: str, body: object) -> None:
    """400 with one sentence in JSON; nothing is counted."""
    async with opened(tmp_path, "http_api") as place:
        status, answer = await place.post("http_api", path, body)

        assert status == 400, answer
        assert str(answer["error"]).isprintable()
        assert await place.events() == []
