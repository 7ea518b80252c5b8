from __future__ import annotations

import time
from pathlib import Path

import pytest

from mailward.integrations.ban_list import BanList
from tests.integrations.place import Place, opened
from tests.support.installation import ANN


def request(**attributes: str) -> bytes:
    lines = {"request": "smtpd_access_policy", **attributes}
    return "".join(f"{name}={value}\n" for name, value in lines.items()).encode() + b"\n"


async def ask(place: Place, **attributes: str) -> str:
    said = await place.talk("postfix_policy", request(**attributes), lines=2)
    assert said.endswith(b"\n\n")
    return said.decode().strip()


@pytest.mark.asyncio
async def test_a_banned_source(tmp_path: Path) -> None:
    """Is turned away for now, whatever the stage; another one is not Postfix's affair."""
    async with opened(tmp_path, "postfix_policy") as place:
        now = time.time()
        place.gate.bans.add("ip:192.0.2.7", reason="source-failures", added=now, until=now + 60)

        for stage in ("CONNECT", "EHLO", "RCPT"):
            said = await ask(place, protocol_state=stage, client_address="192.0.2.7")
            assert said == "action=DEFER 4.7.0 Too many failed logins, try again later"
        assert await ask(place, client_address="192.0.2.8") == "action=DUNNO"
        assert await ask(place, client_address="::ffff:192.0.2.7") != "action=DUNNO"
        assert await ask(place, client_address="192.0.2.7", sasl_username=ANN) == "action=DUNNO"


@pytest.mark.asyncio
async def test_a_source_that_somebody_logs_in_from(tmp_path: Path) -> None:
    """Stays open in spite of the guard's ban, or one guesser in an office would shut everybody out; the operator's
    ban holds for it too."""
    async with opened(tmp_path, "postfix_policy") as place:
        now = time.time()
        place.services.known.saw(ANN, "ip:192.0.2.7", now=now)
        place.gate.bans.add("ip:192.0.2.7", reason="source-failures", added=now, until=now + 60)
        assert await ask(place, client_address="192.0.2.7") == "action=DUNNO"
        services = place.services
        bans = BanList(
            reader=services.reader, submit=services.submit, record=services.logins.record, utc=services.logins.utc
        )
        await bans.add("ip:192.0.2.8", seconds=60)
        assert (await ask(place, client_address="192.0.2.8")).startswith("action=DEFER 4.7.0")


@pytest.mark.asyncio
@pytest.mark.parametrize("address", ["", "unknown", "\x1b[2J"])
async def test_no_address(tmp_path: Path, address: str, caplog: pytest.LogCaptureFixture) -> None:
    """Postfix says "unknown" for a client that is gone: no opinion, and nothing raw in the log."""
    async with opened(tmp_path, "postfix_policy") as place:
        assert await ask(place, client_address=address) == "action=DUNNO"

    assert "\x1b" not in caplog.text


@pytest.mark.asyncio
async def test_another_protocol_is_cut_off(tmp_path: Path) -> None:
    """The connection ends, and the door stays open for the others."""
    async with opened(tmp_path, "postfix_policy") as place:
        assert await place.talk("postfix_policy", b"EHLO x\r\n\r\n") == b""
        assert await ask(place, client_address="192.0.2.8") == "action=DUNNO"
