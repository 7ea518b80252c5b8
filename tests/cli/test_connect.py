from __future__ import annotations

import json
from pathlib import Path

import pytest

from mailward.cli import exit_codes
from mailward.cli.entry import main
from tests.support.installation import Installation

AUTH = "unix:/run/mailward/auth"


def test_the_lines_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the addresses of this server's own doors, each for its file; nothing is checked and nothing is changed."""
    place = Installation(tmp_path / "place", doors={"dovecot_auth": AUTH})

    code = main(["connect", "postfix", "--config", str(place.file)])

    out = capsys.readouterr().out
    assert code == exit_codes.OK
    assert "# postfix: main.cf\n" in out
    assert f"\nsmtpd_sasl_path = {AUTH}\n" in out
    assert "✔" not in out


def test_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json: the same, and no check where none was asked for."""
    place = Installation(tmp_path / "place", doors={"dovecot_auth": AUTH})

    code = main(["connect", "exim", "--json", "--config", str(place.file)])

    told = json.loads(capsys.readouterr().out)
    assert code == exit_codes.OK
    assert (told["server"], told["checks"]) == ("exim", [])
    assert "  server_socket = /run/mailward/auth" in told["parts"][0]["lines"]


def test_a_door_that_is_closed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What to write into mailward.toml is told."""
    place = Installation(tmp_path / "place")

    code = main(["connect", "dovecot", "--config", str(place.file)])

    err = capsys.readouterr().err
    assert code == exit_codes.USAGE
    assert "doors.dovecot_policy is not set" in err
    assert 'under [doors]: dovecot_policy = "127.0.0.1:7003"' in err


@pytest.mark.parametrize(
    "options, told",
    [
        (["--test-user", "ann"], "go with --check"),
        (["--check", "--server-config", "/no/such/place"], "/no/such/place: No such file or directory"),
    ],
)
def test_what_would_not_be_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    """An option without effect, and a configuration that is not there, are told instead of passed over."""
    place = Installation(tmp_path / "place", doors={"dovecot_auth": AUTH})

    code = main(["connect", "postfix", *options, "--config", str(place.file)])

    assert code == exit_codes.USAGE
    assert told in capsys.readouterr().err
