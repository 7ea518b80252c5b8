"""Figure 19: five hundred servers that say what they like hear no octet of a credential, and none holds us up."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import timedelta

import pytest

from mailward import MailwardError
from tests.support import hostile
from tests.support.certificates import LOOPBACK, NOW, Pair, authority, good, issue, self_signed
from tests.support.hostile import HostileServer, Saying, Script, hostile_server
from tests.support.sending import LOGIN, SECRETS, Face, url_of

DIALOGUES = 500
PATIENCE = 0.25
SLACK = 0.2
VERBS = ("", "EHLO", "STARTTLS", "AUTH", ":", "MAIL", "RCPT", "DATA", ".", "QUIT")
OFFER = b"250-x\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN SCRAM-SHA-256\r\n"
LINES = (
    OFFER,
    OFFER.replace(b"STARTTLS", b"XXXXXXXX"),
    b"220 hostile.test ESMTP\r\n",
    b"220 go\r\n",
    b"220 go\r\n250-x\r\n250 AUTH PLAIN\r\n",
    b"235 2.7.0 you are in\r\n",
    b"250 2.0.0 OK\r\n",
    b"250-a\r\n550 b\r\n",
    b"334 VXNlcm5hbWU6\r\n",
    b"334 UGFzc3dvcmQ6\r\n",
    b"334 \r\n",
    b"354 go on\r\n",
    b"421 4.3.2 closing\r\n",
    b"454 4.7.0 no TLS today\r\n",
    b"500 5.5.1 what?\r\n",
    b"530 5.7.0 log in first\r\n",
    b"538 5.7.11 encryption needed for this\r\n",
    b"22X OK\r\n",
    b"\x15\x03\x03\x00\x02\x02\x28",
    b"\x16\x03\x03\x00\x2c\x02\x00\x00\x28\x03\x03" + b"x" * 34 + b"\x00\x00\x34\x00",
)


def garbled(chance: random.Random) -> bytes:
    """One or several lines as servers say them, now and then with an octet missing, doubled or changed."""
    octets = bytearray(b"".join(chance.choices(LINES, k=chance.choice((1, 1, 1, 2, 4)))))
    while chance.random() < 0.3:
        place = chance.randrange(len(octets))
        octets[place : place + 1] = chance.choice((b"", bytes(octets[place : place + 1]) * 2, chance.randbytes(1)))
    return bytes(octets)


def saying(chance: random.Random) -> Saying:
    match chance.randrange(40):
        case 0:
            return chance.choice((hostile.silence, hostile.drip(garbled(chance), every=0.03)))
        case 1 | 2:
            return chance.choice((hostile.hang_up, hostile.reset))
        case 3 | 4:
            return hostile.endless(garbled(chance))
        case 5 | 6:
            return hostile.then_close(garbled(chance))
        case _:
            return garbled(chance)


def dialogue(chance: random.Random, pairs: dict[str, Pair]) -> tuple[str, Script]:
    """Whose certificate it has, and what it says."""
    who = chance.choice(list(pairs))
    often = {"": 0.15, "EHLO": 0.2}
    says = {verb: saying(chance) for verb in VERBS if chance.random() < often.get(verb, 0.35)}
    script = Script(
        tls=chance.choice((None, "starttls", "starttls", "implicit")),
        pair=pairs[who],
        auth=("PLAIN", "LOGIN", "SCRAM-SHA-256"),
        says=says,
        keywords_in_clear=chance.choice((None, ("STARTTLS", "AUTH PLAIN LOGIN"), ("AUTH PLAIN LOGIN",))),
    )
    return who, script


@pytest.mark.slow
def test_no_credential_outside_a_verified_channel() -> None:
    """0 of 500: not in clear, not inside TLS with anybody else; each ends in time, as a receipt or an error of ours."""
    chance = random.Random(19)
    pairs = {
        "good": good(),
        "self-signed": self_signed(),
        "expired": issue(end=NOW - timedelta(hours=1)),
        "another name": issue(("elsewhere.example",)),
        "another authority": issue(LOOPBACK, issuer=authority("Other CA")),
    }
    leaks, late, ends = [], [], Counter[str]()
    for number in range(DIALOGUES):
        who, script = dialogue(chance, pairs)
        with hostile_server(script) as server:
            seconds, end = outcome(Face(chance.choice(("sync", "async"))), url_of(server, script))
        ends[end] += 1
        if seconds > PATIENCE + SLACK:
            late.append((number, who, end, seconds))
        leaks += [(number, who)] * leaked(server, verified=who == "good")

    assert leaks == []
    assert late == []
    assert len(ends) > 8  # the servers are hostile in many ways
    assert ends["accepted"]  # and the good ones were good enough to be talked to


def outcome(face: Face, url: str) -> tuple[float, str]:
    begun = time.monotonic()
    try:
        end = str(face.send(url, auth=LOGIN, timeout=PATIENCE).outcome)
    except MailwardError as error:
        end = type(error).__name__
    return time.monotonic() - begun, end


def leaked(server: HostileServer, *, verified: bool) -> bool:
    """Whether a credential, a login or a message was heard where it must not be."""
    heard = server.heard_in_clear if verified else server.heard
    return any(secret in heard for secret in SECRETS) or b"AUTH" in heard or b"MAIL FROM" in heard
