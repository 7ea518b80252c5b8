"""Who logs in without a password that we keep, and who must be named."""

from __future__ import annotations

import pytest

from mailward.client.identities import NTLM, Anonymous, External, Kerberos, Login
from mailward.errors import InputError
from mailward.net.ports import Ports
from mailward.secret import Secret
from tests.support.drivers import Driver, both_drivers


@both_drivers
def test_there_is_nothing_else_to_try(driver: Driver) -> None:
    """A refused certificate, ticket or nobody is refused: a second attempt would say the same."""

    async def flow(ports: Ports) -> None:
        for source in (External(), Anonymous(), Kerberos()):
            await source.ready(ports, until=None)
            credentials = await source.current(ports, until=None, host="smtp.example.test", port=587)
            assert (credentials.host, credentials.port) == ("smtp.example.test", 587)
            source.accepted(credentials)
            assert not await source.rejected(credentials, ports, until=None)

    driver.run(flow)


@pytest.mark.parametrize("make", [NTLM, Kerberos])
def test_a_password_needs_a_user(make: type) -> None:
    """The mistake is told at once."""
    with pytest.raises(InputError, match="empty user name"):
        make("", "pw")
    with pytest.raises(InputError, match="is empty"):
        make("ann", "")


def test_a_login_is_shown_without_its_password() -> None:
    """As a crash report would."""
    source = NTLM("CORP\\ann", Secret("canary-77"))

    assert isinstance(source, Login)
    assert "CORP" in repr(source)
    assert "canary" not in repr(source)
