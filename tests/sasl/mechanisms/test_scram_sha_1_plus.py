from __future__ import annotations

import pytest

from mailward.errors import MechanismUnavailable
from mailward.sasl.mechanisms.scram_sha_1_plus import MECHANISM
from tests.sasl.dialogue import BINDING, CLIENT_NONCE, OTHER_BINDING, credentials, start_client
from tests.sasl.scram_oracle import NAMES, PASSWORDS, does_not_believe_an_impostor, does_not_log_in, logs_in


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("password", PASSWORDS)
def test_our_client_logs_in_to_scramp(name: str, password: str) -> None:
    """The oracle as server, with channel binding."""
    logs_in(MECHANISM, name, password)


def test_a_wrong_password() -> None:
    """scramp refuses it."""
    does_not_log_in(MECHANISM, "crayon")


def test_somebody_in_the_middle() -> None:
    """scramp refuses the right password from the end of another channel."""
    does_not_log_in(MECHANISM, "pencil", binding=OTHER_BINDING)


def test_a_server_that_does_not_know_the_password() -> None:
    """C16: mutual authentication holds for this hash too."""
    does_not_believe_an_impostor(MECHANISM)


def test_what_the_client_says() -> None:
    """RFC 5802 §5: the type of the binding first."""
    client = start_client(MECHANISM, credentials("ann"), binding=BINDING, server_offers_plus=True)

    assert next(client) == b"p=tls-server-end-point,,n=ann,r=" + CLIENT_NONCE.encode()


def test_a_channel_without_a_binding() -> None:
    """The register does not choose it there; whoever does all the same is told."""
    with pytest.raises(MechanismUnavailable):
        start_client(MECHANISM, credentials("ann"), binding=None, server_offers_plus=True)
