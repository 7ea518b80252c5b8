"""Every error has the exit code that the help promises."""

from __future__ import annotations

import pytest

from mailward import errors
from mailward.cli.exit_codes import exit_code


@pytest.mark.parametrize(
    "kind, code",
    [
        (errors.PermanentReply, 1),
        (errors.TransientReply, 1),
        (errors.RecipientsRefused, 1),
        (errors.BadCredentials, 1),
        (errors.AuthUnavailable, 1),
        (errors.MechanismUnavailable, 1),
        (errors.InvalidConfig, 2),
        (errors.InvalidAddress, 2),
        (errors.InvalidUrl, 2),
        (errors.StoreError, 2),
        (errors.StoreBusy, 2),
        (errors.ConnectError, 3),
        (errors.DnsError, 3),
        (errors.ServiceUnavailable, 3),
        (errors.ConnectionLost, 3),
        (errors.DeadlineExceeded, 3),
        (errors.CertificateError, 3),
        (errors.TlsRequired, 3),
        (errors.StartTlsInjection, 3),
        (errors.SaslError, 3),
        (errors.ProtocolError, 3),
        (errors.OutcomeUnknown, 4),
    ],
)
def test_codes(kind: type[errors.MailwardError], code: int) -> None:
    """1 refused, 2 usage or state, 3 no secure connection, 4 unknown."""
    assert exit_code(kind("x")) == code


def test_a_password_the_policy_refuses() -> None:
    """It is refused, not a mistake in usage: 1."""
    assert exit_code(errors.PasswordRefused(("short",))) == 1
