from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mailward.integrations.web import LONGEST_BODY, WebRefusal, flag, read_body, text
from tests.integrations.place import TOKEN, opened


@pytest.mark.asyncio
async def test_nothing_without_the_token(tmp_path: Path) -> None:
    """401 before the body is looked at, whatever the path; with it, a path that is not there is 404."""
    async with opened(tmp_path, "http_api") as place:
        for token in ("x", TOKEN[:-1], TOKEN + "x"):
            assert (await place.post("http_api", "/v1/allow", b"{", token=token))[0] == 401
        assert (await place.post("http_api", "/v2", {}))[0] == 404
        assert (await place.post("http_api", "/v1/allow", b"", method="GET"))[0] == 405


@pytest.mark.asyncio
async def test_bodies_are_bounded(tmp_path: Path) -> None:
    """413 for one octet too many."""
    async with opened(tmp_path, "http_api") as place:
        status, answer = await place.post("http_api", "/v1/allow", b" " * (LONGEST_BODY + 1))

    assert (status, answer) == (413, {"error": f"the body has more than {LONGEST_BODY} octets"})


@pytest.mark.asyncio
async def test_silence_shuts_out_nobody_who_asks(tmp_path: Path) -> None:
    """More clients than the door has room for connect, say half a request, and wait: another one has its answer."""
    async with opened(tmp_path, "http_api") as place:
        silent = [await asyncio.open_connection("127.0.0.1", place.port("http_api")) for _ in range(210)]
        for _, writer in silent:
            writer.write(b"GET /v1/bans HTTP/1.1\r\n")
        await asyncio.sleep(0.1)

        assert await place.post("http_api", "/v1/bans", b"", method="GET") == (200, {"bans": []})
        for _, writer in silent:
            writer.close()


def test_bodies() -> None:
    """JSON objects and forms."""
    assert read_body(b"", "") == {}
    assert read_body(b'{"a": 1}', "text/plain") == {"a": 1}
    assert read_body(b"a=1&b=", "application/x-www-form-urlencoded; charset=utf-8") == {"a": "1", "b": ""}
    for data, kind in ((b"{", ""), (b"[]", ""), (b"\xff", ""), (b"\xff", "application/x-www-form-urlencoded")):
        with pytest.raises(WebRefusal):
            read_body(data, kind)


def test_values() -> None:
    """Texts are bounded, flags are flags, and what is missing is told by its name."""
    body = {"a": "x", "long": "x" * 600, "yes": "true", "no": 0, "odd": "perhaps"}
    assert text(body, "none", "a") == "x"
    assert text(body, "none", needed=False) == ""
    assert [flag(body, name) for name in ("yes", "no", "none")] == [True, False, None]
    for call in (lambda: text(body, "long"), lambda: text(body, "none"), lambda: flag(body, "odd")):
        with pytest.raises(WebRefusal):
            call()
