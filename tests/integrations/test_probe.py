from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mailward.errors import ConnectError
from mailward.integrations import probe
from mailward.integrations.address import DoorAddress
from mailward.integrations.probe import Knock
from mailward.secret import Secret
from tests.integrations.place import opened
from tests.support.installation import ANN, PASSWORD

RIGHT = Knock(ANN, "127.0.0.1", Secret(PASSWORD))
WRONG = Knock("nobody@check.invalid", "192.0.2.1", Secret("x"))


@pytest.mark.asyncio
async def test_our_own_doors_answer(tmp_path: Path) -> None:
    """Each as it would answer the other server."""
    async with opened(tmp_path, "dovecot_auth", "postfix_policy", "dovecot_policy") as place:
        auth = DoorAddress(path=tmp_path / "dovecot_auth")
        policy = DoorAddress(host="127.0.0.1", port=place.port("dovecot_policy"))

        assert await probe.dovecot_auth(auth, RIGHT) == f"OK user={ANN}"
        assert (await probe.dovecot_auth(auth, WRONG)).startswith("FAIL reason=")
        assert await probe.postfix_policy(DoorAddress(path=tmp_path / "postfix_policy"), WRONG) == "DUNNO"
        said = await asyncio.to_thread(probe.dovecot_policy, policy, WRONG, tmp_path / "token")
        assert said == 'allow: 200 {"status":0,"msg":""}; report: 200 {"status":0,"msg":""}'


@pytest.mark.asyncio
async def test_nobody_answers(tmp_path: Path) -> None:
    """A socket that is not there, and a door of another kind, are told."""
    with pytest.raises(ConnectError, match="No such file"):
        await probe.dovecot_auth(DoorAddress(path=tmp_path / "none"), RIGHT)
    async with opened(tmp_path, "postfix_policy"):
        with pytest.raises(ConnectError, match="closed the connection"):
            await probe.dovecot_auth(DoorAddress(path=tmp_path / "postfix_policy"), RIGHT)


def test_a_password_is_not_shown() -> None:
    """Not by the repr either."""
    assert PASSWORD not in repr(RIGHT)
