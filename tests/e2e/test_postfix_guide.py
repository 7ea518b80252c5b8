"""The guide "Protect the Postfix you have": `mailward connect` prints its lines, and a real Postfix obeys them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mailward.integrations.doors import DoorSettings
from mailward.integrations.recipes import Recipe, recipe
from tests.house.snippets import blocks
from tests.house.tree import ROOT
from tests.support.certificates import issue
from tests.support.installation import ANN, PASSWORD
from tests.support.login_doors import LoginDoors
from tests.support.peers import peer
from tests.support.postfix import Postfix

pytestmark = pytest.mark.e2e

PAGE = (ROOT / "docs" / "guides" / "postfix.md").read_text()
SHOWN = re.compile(
    r"<!-- of: connect postfix, (?P<file>[a-z.]+) -->\n```ini\n(?P<lines>.*?)^```$", re.DOTALL | re.MULTILINE
)


class Connected(Postfix):
    """With the lines of `mailward connect postfix`, each in its file."""

    def __init__(self, found: Recipe) -> None:
        self._recipe = found
        super().__init__(tls=issue(("localhost",)), settings=_lines(found, "main.cf") + _RELAY)

    def _prepare(self) -> None:
        super()._prepare()
        master = self.directory / "master.cf"
        first, others = master.read_text().split("\n", 1)
        master.write_text(f"{first}\n{_lines(self._recipe, 'master.cf')}{others}")
        os.utime(master, (0, 0))


_RELAY = "smtpd_relay_restrictions = permit_sasl_authenticated, reject\n"  # as Debian's submission has it


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LoginDoors]:
    with LoginDoors(tmp_path / "server", "dovecot_auth", "postfix_policy", "socketmap", group="postfix") as running:
        yield running


def test_the_lines_of_the_guide(tmp_path: Path) -> None:
    """What the guide shows is what `mailward connect postfix` prints for the configuration in the guide."""
    config = tmp_path / "mailward.toml"
    (text,) = (block.body for block in blocks(PAGE) if "mailward.toml" in block.marked("file"))
    config.write_text(text)
    (tmp_path / "door.token").touch(0o600)
    (tmp_path / "door.token").write_text("x" * 32)
    command = [sys.executable, "-m", "mailward", "connect", "postfix", "--config", str(config), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, timeout=60)

    printed: dict[str, str] = {}
    for part in msgspec.json.decode(done.stdout)["parts"]:
        printed[part["file"]] = printed.get(part["file"], "") + "".join(f"{line}\n" for line in part["lines"])

    assert {shown["file"]: shown["lines"] for shown in SHOWN.finditer(PAGE)} == printed


@pytest.mark.peer("postfix")
@pytest.mark.peer("swaks")
def test_a_postfix_with_the_lines(server: LoginDoors) -> None:
    """With nothing but those lines a login passes through, a wrong password does not, and nobody is another sender."""
    addresses = {name: f"unix:{server.socket(name)}" for name in ("dovecot_auth", "postfix_policy", "socketmap")}
    with Connected(recipe("postfix", DoorSettings(**addresses))) as postfix:
        right, wrong, other = (
            _swaks(postfix, password, sender)
            for password, sender in ((PASSWORD, ANN), ("not this one", ANN), (PASSWORD, "bob@example.test"))
        )

    assert right.returncode == 0, right.stdout
    assert "535 5.7.8" in wrong.stdout
    assert "Sender address rejected: not owned by user" in other.stdout
    assert [event["listener"] for event in server.events("login.failed")] == ["dovecot-auth:smtp"]


def _lines(found: Recipe, file: str) -> str:
    return "".join(f"{line}\n" for part in found.parts if part.file == file for line in part.lines)


def _swaks(postfix: Postfix, password: str, sender: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [
        *(peer("swaks"), "--server", f"127.0.0.1:{postfix.port}", "--tls", "--auth", "PLAIN", "--auth-user", ANN),
        *("--auth-password", password, "--from", sender, "--to", "bob@inbox.test"),
    ]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
