from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailward.accounts.provider import MOST_OCTETS, HttpsProvider, Pause, Unwanted, unavailable
from mailward.errors import AuthUnavailable, InputError
from mailward.secret import Secret
from tests.support.certificates import authority
from tests.support.identity_provider import CLIENT, Answer, IdentityProvider, identity_provider


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    with identity_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture
def peer(running: IdentityProvider) -> IdentityProvider:
    running.asked.clear()
    running.answers.clear()
    return running


async def fetched(peer: IdentityProvider, path: str = "/keys", *, patience: float = 5.0) -> dict[str, object]:
    provider = HttpsProvider(timeout=patience, ca=str(peer.ca))
    try:
        return await provider.get(peer.url + path)
    finally:
        await provider.close()


@pytest.mark.asyncio
async def test_a_json_object(peer: IdentityProvider) -> None:
    """Over a verified channel; a second question uses the same connection."""
    provider = HttpsProvider(timeout=5.0, ca=str(peer.ca))

    assert await provider.get(peer.jwks) == peer.key_set()
    assert await provider.get(peer.jwks) == peer.key_set()
    await provider.close()
    assert await provider.get(peer.jwks) == peer.key_set()
    await provider.close()


@pytest.mark.parametrize(
    "answer, why",
    [
        (Answer(b"{}", 302, {"Location": "/elsewhere"}), "status 302"),
        (Answer(b"{}", 404), "status 404"),
        (Answer(b"{}", 500), "status 500"),
        (Answer(b"[]"), "no JSON object"),
        (Answer(b""), "no JSON object"),
        (Answer(b"{"), "no JSON object"),
        (Answer(b'{"a": NaN}'), "no JSON object"),
        (Answer(b'{"a": "\xff"}'), "no JSON object"),
        (Answer(b'{"a":' * 20_000), "no JSON object"),
        (Answer(b" " * (MOST_OCTETS + 1)), "more than 262144 octets"),
        (Answer(b"{}", headers={"Content-Length": "100"}, wait=0), "RemoteProtocolError"),
        (Answer(b"{}", headers={"Content-Encoding": "gzip"}), "compressed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.asyncio
async def test_what_is_no_answer(peer: IdentityProvider, answer: Answer, why: str) -> None:
    """A redirect is not followed, a long or broken answer is not read to the end: nobody can tell now."""
    peer.answers["/keys"] = answer
    if "100" in answer.headers.values():
        answer.headers["Connection"] = "close"

    with pytest.raises(AuthUnavailable, match=why):
        await fetched(peer)

    assert peer.asked == ["/keys"]


@pytest.mark.asyncio
async def test_an_answer_that_never_ends(peer: IdentityProvider) -> None:
    """One octet now and then: the time is for the whole answer."""
    peer.answers["/keys"] = Answer(b" " * 100, slowly=0.05)

    with pytest.raises(AuthUnavailable, match=r"within 0\.3 seconds"):
        await fetched(peer, patience=0.3)


@pytest.mark.asyncio
async def test_an_answer_that_does_not_begin(peer: IdentityProvider) -> None:
    """Nothing at all within the time."""
    peer.answers["/keys"] = Answer(b"{}", wait=0.6)

    with pytest.raises(AuthUnavailable, match=r"no answer within|ReadTimeout"):
        await fetched(peer, patience=0.2)


@pytest.mark.asyncio
async def test_nobody_listens() -> None:
    """A closed port."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    provider = HttpsProvider(timeout=5.0)

    with pytest.raises(AuthUnavailable, match="ConnectError"):
        await provider.get(f"https://127.0.0.1:{port}/")
    await provider.close()


@pytest.mark.asyncio
async def test_a_stranger_certificate(peer: IdentityProvider, tmp_path: Path) -> None:
    """Of another authority than the one that is trusted."""
    other = tmp_path / "other.pem"
    other.write_bytes(authority("Another CA").pem)
    provider = HttpsProvider(timeout=5.0, ca=str(other))

    with pytest.raises(AuthUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        await provider.get(peer.jwks)
    await provider.close()


@pytest.mark.asyncio
async def test_no_proxy_of_the_environment(peer: IdentityProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens are shown to nobody whom a variable names."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert await fetched(peer) == peer.key_set()


@pytest.mark.asyncio
async def test_a_form_and_who_asks(peer: IdentityProvider) -> None:
    """RFC 6749 §2.3.1: both are encoded before they are joined, and an odd secret arrives whole."""
    peer.tokens["opaque+/="] = {"active": True}
    provider = HttpsProvider(timeout=5.0, ca=str(peer.ca))
    form = {"token": Secret("opaque+/=")}

    assert await provider.post(peer.introspection, form, user=CLIENT[0], password=Secret(CLIENT[1])) == {"active": True}
    with pytest.raises(AuthUnavailable, match="status 401") as caught:
        await provider.post(peer.introspection, form, user=CLIENT[0], password=Secret("wrong-secret"))
    await provider.close()

    assert caught.value.__context__ is None
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)][1:]  # the first is this one
    shown = str([frame.f_locals for frame in frames])
    assert frames
    assert "opaque" not in shown
    assert "wrong-secret" not in shown


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_ca_that_is_none(tmp_path: Path, content: bytes | None) -> None:
    """Told at the start, with the file."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(InputError, match=r"oauth2\.ca"):
        HttpsProvider(timeout=5.0, ca=str(path))


def test_after_a_failure_nobody_asks_for_a_while() -> None:
    """Whoever comes meanwhile hears the same."""
    time = [0.0]
    pause = Pause(10.0, lambda: time[0])
    pause.check()
    pause.begin(unavailable("https://id.example.test", "status 500"))
    time[0] = 9.9
    with pytest.raises(AuthUnavailable, match="status 500"):
        pause.check()
    time[0] = 10.0
    pause.check()


def test_what_the_peer_says_is_shown_harmlessly() -> None:
    """In an error that may reach a log."""
    assert "\x1b" not in json.dumps(str(unavailable("https://id\x1b[2J", "\x1b[2J"))).replace("\\\\x1b", "")


@pytest.mark.parametrize("status, unwanted", [(400, True), (413, True), (401, False), (404, False), (500, False)])
@pytest.mark.asyncio
async def test_a_question_that_is_not_wanted(peer: IdentityProvider, status: int, unwanted: bool) -> None:
    """What is wrong with the question says nothing about the provider."""
    peer.answers["/keys"] = Answer(b"{}", status)

    with pytest.raises(AuthUnavailable) as caught:
        await fetched(peer)
    assert isinstance(caught.value, Unwanted) == unwanted
