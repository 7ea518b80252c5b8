from __future__ import annotations

import pytest

from mailward.errors import InvalidConfig
from mailward.integrations.doors import DoorSettings
from mailward.integrations.recipes import recipe


def lines(server: str, settings: DoorSettings) -> list[str]:
    return [line for part in recipe(server, settings).parts for line in part.lines]


def test_postfix() -> None:
    """Below Postfix's queue directory a path is relative, for its programs may be shut in there."""
    settings = DoorSettings(
        dovecot_auth="unix:/var/spool/postfix/private/mailward-auth",
        postfix_policy="unix:/run/mailward/policy",
        socketmap="127.0.0.1:7002",
    )

    assert lines("postfix", settings) == [
        "smtpd_sasl_auth_enable = yes",
        "smtpd_sasl_type = dovecot",
        "smtpd_sasl_path = private/mailward-auth",
        "smtpd_tls_auth_only = yes",
        "smtpd_sender_login_maps = socketmap:inet:127.0.0.1:7002:senders",
        "smtpd_sender_restrictions = reject_sender_login_mismatch",
        "# under the services submission and submissions, never under the smtp of port 25:",
        "  -o { smtpd_client_restrictions = check_policy_service unix:/run/mailward/policy }",
        "  -o smtpd_delay_reject=no",
    ]


def test_exim() -> None:
    """An authenticator for each mechanism."""
    told = lines("exim", DoorSettings(dovecot_auth="unix:/run/mailward/auth"))

    assert told.count("  server_socket = /run/mailward/auth") == 3
    assert "  public_name = SCRAM-SHA-256" in told


def test_dovecot() -> None:
    """The URL, and where the token is: never the token."""
    told = lines("dovecot", DoorSettings(dovecot_policy="127.0.0.1:7003", token_file="/etc/mailward/token"))

    assert told[0] == "auth_policy_server_url = http://127.0.0.1:7003/"
    assert "<the line in /etc/mailward/token>" in told[1]


@pytest.mark.parametrize(
    "server, settings",
    [
        ("postfix", DoorSettings()),
        ("exim", DoorSettings()),
        ("exim", DoorSettings(dovecot_auth="127.0.0.1:7000")),
        ("dovecot", DoorSettings(dovecot_auth="unix:/a")),
        ("dovecot", DoorSettings(dovecot_policy="unix:/a", token_file="/t")),
    ],
)
def test_a_door_that_is_not_open(server: str, settings: DoorSettings) -> None:
    """What to write into mailward.toml is told."""
    with pytest.raises(InvalidConfig) as refused:
        recipe(server, settings)

    assert "write" in refused.value.advice
