"""`mailward user totp`."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.conftest import ANN, Run


def test_enabled_and_disabled(run: Run, installed: Path) -> None:
    """The secret is printed once and never again; the account needs app passwords until it is disabled."""
    done = run("user", "totp", "enable", ANN, "--config", installed)
    [secret] = re.findall(
        r"otpauth://totp/localhost:ann@example\.test\?secret=([A-Z2-7]{32})&issuer=localhost", done.out
    )
    shown = run("user", "show", ANN, "--config", installed)

    assert done.code == 0
    assert secret not in shown.out
    assert "app passwords only" in shown.out
    assert run("user", "totp", "disable", ANN, "--config", installed, "--json").json == {
        "name": ANN, "second_factor": False,
    }  # fmt: skip
    assert run("user", "show", ANN, "--config", installed, "--json").json["totp"] is False


def test_for_programs(run: Run, installed: Path) -> None:
    """The URI in JSON; another one each time; nobody's account is a mistake."""
    first, second = (run("user", "totp", "enable", ANN, "--config", installed, "--json").json for _ in range(2))

    assert first["second_factor"] is True
    assert first["uri"] != second["uri"]
    assert run("user", "totp", "enable", "zoe", "--config", installed).code == 2
