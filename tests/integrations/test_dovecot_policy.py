from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integrations.place import Place, opened
from tests.support.installation import ANN

BODY = {
    "device_id": "",
    "login": ANN,
    "protocol": "imap",
    "pwhash": "1a2",
    "remote": "192.0.2.7",
    "tls": False,
    "session_id": "s1",
}
ALLOWED = (200, {"status": 0, "msg": ""})
REFUSED = (200, {"status": -1, "msg": ""})


async def ask(place: Place, command: str, **changes: Any) -> Any:
    return await place.post("dovecot_policy", f"/?command={command}", BODY | changes)


@pytest.mark.asyncio
async def test_allow_and_report(tmp_path: Path) -> None:
    """As Dovecot asks: before the check, after it, and then the report; one event, and the source is known."""
    async with opened(tmp_path, "dovecot_policy") as place:
        assert await ask(place, "allow") == ALLOWED
        assert await ask(place, "allow") == ALLOWED
        assert await ask(place, "report", success=True, policy_reject=False, tls=True) == ALLOWED
        (event,) = await place.events()

        assert (event["type"], event["account"], event["tls"], event["session"]) == (
            "login.succeeded",
            ANN,
            "TLS",
            "s1",
        )
        assert place.services.known.knows(ANN, "ip:192.0.2.7", since=0.0)


@pytest.mark.asyncio
async def test_wrong_passwords(tmp_path: Path) -> None:
    """A piece of a hash stands for the password: the same counts once, others ban the source."""
    async with opened(tmp_path, "dovecot_policy") as place:
        for tag in ("0", "0", "1", "2", "3", "4"):
            await ask(place, "allow", pwhash=tag)
            await ask(place, "report", pwhash=tag, success=False, policy_reject=False, fail_type="credentials")

        assert await ask(place, "allow", pwhash="5") == REFUSED
        assert [event["repeated"] for event in await place.events("login.failed")] == [False, True] + 4 * [False]
        assert await ask(place, "allow", remote="192.0.2.77") == ALLOWED


@pytest.mark.asyncio
@pytest.mark.parametrize("said", [{"policy_reject": True}, {"fail_type": "internal"}])
async def test_what_was_never_judged_counts_for_nothing(tmp_path: Path, said: dict[str, Any]) -> None:
    """Our own refusal, and a fault of Dovecot's, are no failures of the client."""
    async with opened(tmp_path, "dovecot_policy") as place:
        for _ in range(8):
            assert await ask(place, "allow") == ALLOWED
            assert await ask(place, "report", success=False, **said) == ALLOWED

        assert await place.events() == []


@pytest.mark.asyncio
async def test_why_it_failed(tmp_path: Path) -> None:
    """What Dovecot knows of it is in the event."""
    async with opened(tmp_path, "dovecot_policy") as place:
        for kind in ("account", "disabled", "expired", "", "new-in-2.5"):
            await ask(place, "report", success=False, fail_type=kind, session_id=kind)

        assert [event["reason"] for event in await place.events("login.failed")] == [
            "unknown-account",
            "disabled",
            "expired",
            "bad-password",
            "bad-password",
        ]


@pytest.mark.asyncio
async def test_outside_the_accounts_own_networks(tmp_path: Path) -> None:
    """An account with a list of its own is refused elsewhere as one that is banned, and the event tells them apart."""
    async with opened(tmp_path, "dovecot_policy") as place:
        place.services.logins.accounts.change(ANN, allow_from=("198.51.100.0/24",))

        assert await ask(place, "allow") == REFUSED
        assert await ask(place, "allow", remote="198.51.100.1") == ALLOWED
        assert [event["reason"] for event in await place.events("login.failed")] == ["not-allowed"]


@pytest.mark.asyncio
async def test_other_forms(tmp_path: Path) -> None:
    """The command in the path or in the body; a name that can be nobody's; a body that says too little."""
    async with opened(tmp_path, "dovecot_policy") as place:
        assert await place.post("dovecot_policy", "/auth/allow", BODY) == ALLOWED
        assert await place.post("dovecot_policy", "/", BODY | {"command": "allow"}) == ALLOWED
        assert await ask(place, "allow", login="\x00\x1b") == ALLOWED
        assert (await place.post("dovecot_policy", "/", BODY))[0] == 400
        assert (await ask(place, "allow", remote=""))[0] == 400
        assert (await ask(place, "allow", login=None))[0] == 400


@pytest.mark.asyncio
async def test_an_answer_is_no_yes_by_accident(tmp_path: Path) -> None:
    """Whatever the user's client can make too long is read all the same, and a store that is gone is a no: Dovecot
    takes what is no answer for leave to check the password."""
    async with opened(tmp_path, "dovecot_policy") as place:
        long = {"login": "ann@" + "x" * 2000, "session_id": "s" * 200, "mech": "M" * 50, "protocol": "p" * 200}
        for number in range(5):
            assert await ask(place, "allow", **long) == ALLOWED
            await ask(place, "report", **long, pwhash=f"{number}" * 200, success=False, policy_reject=False)
        assert await ask(place, "allow", **long) == REFUSED

        for rubbish in (b"a\xff", b"\xc0\xaf" * 9):
            body = json.dumps(BODY | {"login": "x"}).encode().replace(b'"x"', b'"' + rubbish + b'"')
            assert await place.post("dovecot_policy", "/?command=allow", body) == REFUSED

        place.services.reader.close()
        assert await ask(place, "allow", remote="192.0.2.99") == REFUSED
