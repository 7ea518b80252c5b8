from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from mailward.client.transports.sendmail import Sendmail
from mailward.errors import (
    ConnectError,
    InputError,
    InvalidAddress,
    MailwardError,
    OutcomeUnknown,
    PermanentReply,
    TransientReply,
)
from tests.support.hostile import Script, hostile_server
from tests.support.peers import peer

MESSAGE = b"From: ann@example.test\r\nTo: bob@example.test\r\n\r\n.\r\nHi.\r\n"
PROGRAM = f"""#!{sys.executable}
import json, os, signal, sys, time
content = sys.stdin.buffer.read().decode("latin-1")
with open(os.path.join(os.path.dirname(__file__), "heard"), "w") as file:
    json.dump({{"arguments": sys.argv[1:], "content": content}}, file)
mode = os.environ.get("MODE_OF_THE_TEST", "0")
if mode == "hang":
    time.sleep(60)
if mode == "die":
    os.kill(os.getpid(), signal.SIGKILL)
print("\\x1b[2Jno such user" if mode != "0" else "")
sys.exit(int(mode))
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """One that writes down how it was called, and ends as it is told."""
    path = tmp_path / "sendmail"
    path.write_text(PROGRAM)
    path.chmod(stat.S_IRWXU)
    return path


def heard(program: Path) -> dict[str, object]:
    told: dict[str, object] = json.loads((program.parent / "heard").read_text())
    return told


def test_how_it_is_called(program: Path) -> None:
    """A list of arguments, recipients after --, LF as line break, no dot to end it."""
    receipt = Sendmail(program, arguments=["-O", "x;rm -rf $HOME"]).send(
        MESSAGE, sender="ann@example.test", recipients=["bob@example.test", '"a b; $(id)"@example.test']
    )

    assert heard(program) == {
        "arguments": ["-O", "x;rm -rf $HOME", "-i", "-f", "ann@example.test", "--", "bob@example.test",
                      '"a b; $(id)"@example.test'],
        "content": "From: ann@example.test\nTo: bob@example.test\n\n.\nHi.\n",
    }  # fmt: skip
    assert (receipt.outcome, receipt.host) == ("accepted", str(program))


def test_the_null_path_and_eight_bits(program: Path) -> None:
    """`<>`, and -B8BITMIME only where it is needed."""
    Sendmail(program).send(MESSAGE.replace(b"Hi", b"\xff"), sender="")

    assert heard(program)["arguments"] == ["-i", "-B8BITMIME", "-f", "<>", "--", "bob@example.test"]


@pytest.mark.parametrize("address", ["-X/tmp/x@example.test", "-oQ@example.test"])
def test_an_address_is_no_option(program: Path, address: str) -> None:
    """One that begins with - is refused as sender and as recipient; the program is not called."""
    envelopes: list[dict[str, Any]] = [{"recipients": [address]}, {"sender": address}]
    for envelope in envelopes:
        with pytest.raises(InvalidAddress, match="option"):
            Sendmail(program).send(MESSAGE, **envelope)

    assert not (program.parent / "heard").exists()


@pytest.mark.parametrize(
    ("mode", "kind", "outcome"),
    [("67", PermanentReply, "rejected"), ("75", TransientReply, "rejected"), ("die", OutcomeUnknown, "unknown")],
)
def test_how_it_ends(
    program: Path, monkeypatch: pytest.MonkeyPatch, mode: str, kind: type[MailwardError], outcome: str
) -> None:
    """Its exit code is its word; ended by a signal, nobody knows. What it said is shown, made harmless."""
    monkeypatch.setenv("MODE_OF_THE_TEST", mode)
    with pytest.raises(kind) as caught:
        Sendmail(program).send(MESSAGE)

    assert caught.value.outcome == outcome
    assert caught.value.receipt.recipients[0].accepted is False
    assert str(caught.value).isprintable()
    assert ("no such user" in str(caught.value)) is (outcome == "rejected")


def test_one_that_does_not_end(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended after the time allowed, and the outcome is unknown."""
    monkeypatch.setenv("MODE_OF_THE_TEST", "hang")
    with pytest.raises(OutcomeUnknown, match=r"within 0\.5 seconds"):
        Sendmail(program, timeout=0.5).send(MESSAGE)


def test_none_there(tmp_path: Path) -> None:
    """Nothing was sent, and which program is missing is told."""
    with pytest.raises(ConnectError, match="cannot be run") as caught:
        Sendmail(tmp_path / "missing").send(MESSAGE)

    assert caught.value.outcome == "not-sent"
    with pytest.raises(InputError, match="list"):
        Sendmail(arguments="-v")


@pytest.mark.e2e
@pytest.mark.peer("msmtp")
def test_msmtp_sends_it() -> None:
    """A real program of this kind, to a real server: every octet arrives, for each recipient."""
    with hostile_server(Script()) as server:
        arguments = ["--file=/dev/null", "--host=127.0.0.1", f"--port={server.port}", "--tls=off", "--auth=off"]
        receipt = Sendmail(peer("msmtp"), arguments=arguments).send(
            MESSAGE, sender="ann@example.test", recipients=["bob@example.test", "cid@example.test"]
        )

    assert receipt.ok
    assert server.contents[0].endswith(MESSAGE)  # it puts Date and Message-ID in front
    assert server.heard.count(b"RCPT TO:") == 2
