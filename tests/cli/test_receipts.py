"""What became of a message, as it is told."""

from __future__ import annotations

import json

import pytest

from mailward.cli.interruption import Interrupted
from mailward.cli.receipts import as_told, tell, tell_failure
from mailward.client.receipt import AuthInfo, Outcome, Receipt, RecipientResult, TlsInfo
from mailward.errors import OutcomeUnknown, PermanentReply
from mailward.wire.reply import Reply

TLS = TlsInfo(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", verified_by="pin", pin="sha256/x")
PARTIAL = Receipt(
    outcome=Outcome.PARTIAL,
    recipients=(
        RecipientResult("bob@example.test", accepted=True, reply=Reply(250, "OK", "2.1.5")),
        RecipientResult("eve@example.test", accepted=False, reply=Reply(550, "no\x1b[31m such", "5.1.1")),
    ),
    tls=TLS,
    auth=AuthInfo(mechanism="SCRAM-SHA-256-PLUS", channel_binding="tls-exporter"),
    queue_id="4FdQ1z\x07",
)


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """The outcome, the channel, the login, and each recipient's reply, with nothing that could disturb a terminal."""
    tell(PARTIAL, as_json=False)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("! partial as 4FdQ1z")
    assert lines[1] == "  TLSv1.3 TLS_AES_256_GCM_SHA384, certificate verified by pin"
    assert lines[2] == "  login by SCRAM-SHA-256-PLUS, bound to this channel (tls-exporter)"
    assert lines[3] == "  ✔ bob@example.test  250 2.1.5 OK"
    assert lines[4].startswith("  ✘ eve@example.test  550 5.1.1 no")
    assert all(line.isprintable() for line in lines)


def test_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """The receipt as it is."""
    tell(PARTIAL, as_json=True)
    assert json.loads(capsys.readouterr().out) == PARTIAL.as_dict()


def test_clear_text_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there was no TLS, what that means."""
    tell(Receipt(outcome=Outcome.ACCEPTED), as_json=False)
    assert "everyone on the path can read it" in capsys.readouterr().out


def test_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON there is a receipt even where there was none; people read the error itself, elsewhere."""
    error = PermanentReply("550 no", phase="mail", code=550)
    tell_failure(error, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["outcome"], told["error"]) == ("not-sent", "550 no")
    tell_failure(error, as_json=False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("phase", ["connect", "rcpt", "data"])
def test_an_interruption(phase: str) -> None:
    """Before the content was on its way it is one; later nobody knows."""
    told = as_told(Interrupted("interrupted", phase=phase))
    assert isinstance(told, OutcomeUnknown if phase == "data" else KeyboardInterrupt)
