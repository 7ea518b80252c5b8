from __future__ import annotations

import time
from pathlib import Path

import pytest

from mailward.accounts.account import Account
from mailward.integrations.netstring import netstring
from mailward.integrations.socketmap import Senders
from tests.integrations.place import Place, opened
from tests.support.installation import ANN


async def ask(place: Place, request: str | bytes) -> str:
    data = netstring(request if isinstance(request, bytes) else request.encode())
    said = await place.talk("socketmap", data + b"x", lines=1)  # the last octet makes it close
    length, _, rest = said.partition(b":")
    assert int(length) == len(rest) - 1
    return rest[:-1].decode()


@pytest.mark.asyncio
async def test_the_tables(tmp_path: Path) -> None:
    """Bans by address, accounts by any spelling of their name, senders to those who may use them."""
    async with opened(tmp_path, "socketmap") as place:
        now = time.time()
        place.gate.bans.add("ip:192.0.2.7", reason="source-failures", added=now, until=now + 60)

        assert await ask(place, "bans 192.0.2.7") == "OK DEFER 4.7.0 Too many failed logins, try again later"
        for key in ("192.0.2.8", "192.0.2", "mail.example.test", ""):
            assert await ask(place, f"bans {key}") == "NOTFOUND "
        assert await ask(place, f"accounts {ANN.upper()}") == f"OK {ANN}"
        assert await ask(place, "accounts bob@example.test") == "NOTFOUND "
        assert await ask(place, f"senders {ANN}") == f"OK {ANN}"
        for key in ("bob@example.test", "@example.test", "ann"):
            assert await ask(place, f"senders {key}") == "NOTFOUND "


@pytest.mark.asyncio
@pytest.mark.parametrize("request_", ["nothing x", "bans", "", b"\x1b[2J x"])
async def test_no_such_table(tmp_path: Path, request_: str | bytes) -> None:
    """A table that we do not have is a mistake in main.cf, and is told as one, safe to print."""
    async with opened(tmp_path, "socketmap") as place:
        said = await ask(place, request_)

    assert said.startswith("PERM no table ")
    assert said.isprintable()


@pytest.mark.asyncio
async def test_keys_that_are_no_text(tmp_path: Path) -> None:
    """Are nobody's."""
    async with opened(tmp_path, "socketmap") as place:
        assert await ask(place, b"accounts \xff\xfe") == "NOTFOUND "


def test_senders_are_read_together_and_not_each_time() -> None:
    """All accounts are read once in five seconds, however often Postfix asks; a locked one owns nothing."""
    clock = [0.0]
    read = []
    every = [Account("ann", (), ("a@x.test", "info@x.test"), 0.0, 0.0), Account("bob", (), ("info@x.test",), 0.0, 0.0)]

    def listing() -> list[Account]:
        read.append(clock[0])
        return [*every, Account("eve", (), ("info@x.test",), 0.0, 0.0, disabled=True)]

    senders = Senders(listing, lambda: clock[0])

    assert senders.owners("Info@X.test") == ["ann", "bob"] or senders.owners("info@x.test") == ["ann", "bob"]
    assert senders.owners("a@x.test") == ["ann"]
    assert senders.owners("not an address") == []
    assert read == [0.0]
    every.pop()
    clock[0] = 6.0
    assert senders.owners("info@x.test") == ["ann"]
    assert read == [0.0, 6.0]
