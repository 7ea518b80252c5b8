from __future__ import annotations

import asyncio
import base64
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mailward.errors import InvalidConfig
from mailward.integrations.doors import NAMES, DoorSettings, open_doors
from tests.integrations.place import opened
from tests.support.identity_provider import AUDIENCE, identity_provider
from tests.support.installation import ANN, PASSWORD, Section

PLAIN = base64.b64encode(f"\0{ANN}\0{PASSWORD}".encode())


@pytest.mark.asyncio
async def test_every_door_opens_and_closes(tmp_path: Path) -> None:
    """All five at once: sockets with mode 0660, ports of loopback; closing leaves no socket behind."""
    async with opened(tmp_path, *NAMES) as place:
        assert {door.name for door in place.doors.opened} == set(NAMES)
        for name in ("dovecot_auth", "postfix_policy", "socketmap"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o660
    assert not any((tmp_path / name).exists() for name in NAMES)


@pytest.mark.asyncio
async def test_a_login_through_the_dovecot_protocol(tmp_path: Path) -> None:
    """The whole way: an account of the store, its password, and one event that names the door."""
    async with opened(tmp_path, "dovecot_auth") as place:
        said = await place.talk(
            "dovecot_auth",
            b"VERSION\t1\t1\nCPID\t1\nAUTH\t5\tPLAIN\tservice=smtp\trip=127.0.0.1\tresp=" + PLAIN + b"\n",
            lines=9,
        )
        (event,) = await place.events()

    assert said.endswith(b"\nOK\t5\tuser=ann@example.test\n")
    assert b"MECH\tSCRAM-SHA-256\tmutual-auth\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\n" in said
    assert (event["type"], event["listener"], event["mechanism"]) == ("login.succeeded", "dovecot-auth:smtp", "PLAIN")


def xoauth2(token: str) -> bytes:
    return base64.b64encode(f"user={ANN}\x01auth=Bearer {token}\x01\x01".encode())


def oauthbearer(token: str) -> bytes:
    return base64.b64encode(f"n,a={ANN},\x01auth=Bearer {token}\x01\x01".encode())


@pytest.mark.asyncio
@pytest.mark.parametrize("mechanism, form", [(b"XOAUTH2", xoauth2), (b"OAUTHBEARER", oauthbearer)])
async def test_tokens_through_the_dovecot_protocol(
    tmp_path: Path, mechanism: bytes, form: Callable[[str], bytes]
) -> None:
    """A token of the issuer logs in; one that is over hears the error challenge, and only then that it failed."""
    asked = b"AUTH\t5\t" + mechanism + b"\tservice=smtp\tsecured\trip=192.0.2.7\tresp="
    with identity_provider(tmp_path) as provider:
        oauth2: Section = {"issuer": provider.url, "audience": AUDIENCE, "jwks": provider.jwks, "ca": str(provider.ca)}
        good = provider.token(provider.claims(time.time(), email=ANN))
        over = provider.token(provider.claims(time.time() - 86_400, email=ANN))
        async with opened(tmp_path, "dovecot_auth", oauth2=oauth2) as place:
            greeting = b"VERSION\t1\t1\nCPID\t1\n"
            right = await place.talk("dovecot_auth", greeting + asked + form(good) + b"\n", lines=11)
            reader, writer = await asyncio.open_unix_connection(place.sockets / "dovecot_auth")
            writer.write(greeting + asked + form(over) + b"\n")
            await reader.readuntil(b"DONE\n")
            challenge = await reader.readline()
            writer.write(b"CONT\t5\tAQ==\n")
            refusal = await reader.readline()
            writer.close()
            await writer.wait_closed()
            events = await place.events()

    assert b"MECH\t" + mechanism in right
    assert right.endswith(b"\nOK\t5\tuser=ann@example.test\n")
    assert b'{"status":' in base64.b64decode(challenge.strip().removeprefix(b"CONT\t5\t"))
    assert refusal.startswith(b"FAIL\t5\treason=")
    assert [(event["type"], event["reason"]) for event in events] == [
        ("login.succeeded", None),
        ("login.failed", "bad-token"),
    ]


@pytest.mark.asyncio
async def test_when_one_cannot_be_opened_none_is(tmp_path: Path) -> None:
    """A fault names its key, and the doors that were open already are closed again."""
    async with opened(tmp_path) as place:
        settings = DoorSettings(dovecot_auth=f"unix:{tmp_path}/a", socketmap=f"unix:{tmp_path}/none/b")
        with pytest.raises(InvalidConfig) as refused:
            await open_doors(settings, place.services)

    assert refused.value.key == "doors.socketmap"
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    "settings, key",
    [
        (DoorSettings(http_api="127.0.0.1:1"), "doors.token_file"),
        (DoorSettings(dovecot_policy="127.0.0.1:1"), "doors.token_file"),
        (DoorSettings(socketmap="unix:/a", dovecot_auth="unix:/a"), "doors.dovecot_auth"),
        (DoorSettings(socket_mode="0770"), "doors.socket_mode"),
        (DoorSettings(socket_mode="rw"), "doors.socket_mode"),
        (DoorSettings(socketmap="192.0.2.1:5"), "doors.socketmap"),
    ],
)
def test_settings_that_cannot_be(settings: DoorSettings, key: str) -> None:
    """What can be told without opening anything is told by its key."""
    with pytest.raises(InvalidConfig) as refused:
        settings.check()

    assert refused.value.key == key


@pytest.mark.asyncio
async def test_a_guess_under_way_is_counted_when_the_door_closes(tmp_path: Path) -> None:
    """A server that stops judges what it has begun, or each restart would give guesses away."""
    async with opened(tmp_path, "dovecot_auth") as place:
        _, writer = await asyncio.open_unix_connection(place.sockets / "dovecot_auth")
        response = base64.b64encode(f"\0{ANN}\0wrong".encode()).decode()
        writer.write(b"VERSION\t1\t2\nCPID\t1\n")
        writer.write(f"AUTH\t1\tPLAIN\tservice=smtp\trip=192.0.2.7\tsecured\tresp={response}\n".encode())
        while not place.gate.guard._open:
            await asyncio.sleep(0)
        await place.doors.close()

        assert [event["reason"] for event in await place.events("login.failed")] == ["bad-password"]
        writer.close()
