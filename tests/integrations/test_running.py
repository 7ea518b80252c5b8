from __future__ import annotations

import asyncio
import os
import pwd
from pathlib import Path

import pytest

from mailward.integrations.doors import DoorSettings
from mailward.integrations.recipes import recipe
from mailward.integrations.running import differences, obstacle

POSTFIX = recipe("postfix", DoorSettings(dovecot_auth="unix:/run/mailward/auth"))


@pytest.mark.e2e
@pytest.mark.peer("postfix")
def test_postfix_is_asked(tmp_path: Path) -> None:
    """postconf tells what main.cf says, and each difference is a sentence; none when all is right."""
    (tmp_path / "master.cf").touch()
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\nsmtpd_sasl_type = cyrus\nsmtpd_tls_auth_only = yes\n")
    told = list(differences(POSTFIX, place=tmp_path))
    lines = [line for part in POSTFIX.parts for line in part.lines]
    (tmp_path / "main.cf").write_text("\n".join(["compatibility_level = 3.6", *lines]) + "\n")

    assert "main.cf: smtpd_sasl_type is cyrus, and should be dovecot" in told
    assert len(told) == 3
    assert list(differences(POSTFIX, place=tmp_path)) == []


@pytest.mark.e2e
@pytest.mark.peer("postfix")
def test_a_table_that_nothing_asks(tmp_path: Path) -> None:
    """Without the restriction that reads the senders table it does nothing; others may stand beside it."""
    doors = DoorSettings(dovecot_auth="unix:/run/mailward/auth", socketmap="unix:/run/mailward/map")
    wanted = recipe("postfix", doors)
    lines = ["compatibility_level = 3.6", *(line for part in wanted.parts for line in part.lines)]
    (tmp_path / "master.cf").touch()
    (tmp_path / "main.cf").write_text("\n".join(lines[:-1]) + "\n")
    told = list(differences(wanted, place=tmp_path))
    lines[-1] = "smtpd_sender_restrictions = permit_mynetworks,reject_sender_login_mismatch, permit"
    (tmp_path / "main.cf").write_text("\n".join(lines) + "\n")

    assert told == ["main.cf: smtpd_sender_restrictions is empty, and should be reject_sender_login_mismatch"]
    assert list(differences(wanted, place=tmp_path)) == []


def test_a_server_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is told, and nothing else."""
    monkeypatch.setattr("mailward.integrations.running._SEARCH", "")

    assert list(differences(POSTFIX)) == ["postfix is not installed here, so its configuration was not looked at"]


@pytest.mark.asyncio
async def test_who_can_reach_a_socket(tmp_path: Path) -> None:
    """We can; nobody cannot where the mode keeps others out; and why is told."""
    us = pwd.getpwuid(os.getuid()).pw_name
    path = tmp_path / "s"
    server = await asyncio.get_running_loop().create_unix_server(asyncio.Protocol, str(path))
    path.chmod(0o660)

    assert obstacle(path, us) is None
    assert obstacle(path, "nobody") is not None
    assert obstacle(path, "no-such-user") == "there is no user no-such-user on this machine"
    assert obstacle(tmp_path / "none", us) == f"there is no {tmp_path}/none: is the server running?"
    assert obstacle(tmp_path, us) == f"{tmp_path} is no socket"
    server.close()
