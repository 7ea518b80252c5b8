from __future__ import annotations

import pytest

from mailward.errors import MechanismUnavailable
from mailward.sasl.mechanism import ChannelBinding
from mailward.sasl.mechanisms.scram_sha_1 import MECHANISM
from tests.sasl.dialogue import BINDING, CLIENT_NONCE, credentials, start_client
from tests.sasl.scram_oracle import NAMES, PASSWORDS, does_not_believe_an_impostor, does_not_log_in, logs_in


@pytest.mark.parametrize("binding", [BINDING, None], ids=["y", "n"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("password", PASSWORDS)
def test_our_client_logs_in_to_scramp(name: str, password: str, binding: ChannelBinding | None) -> None:
    """The oracle as server, whether or not our channel has a binding."""
    logs_in(MECHANISM, name, password, binding=binding)


def test_a_wrong_password() -> None:
    """scramp refuses it."""
    does_not_log_in(MECHANISM, "crayon")


def test_a_server_that_does_not_know_the_password() -> None:
    """C16: mutual authentication holds for this hash too."""
    does_not_believe_an_impostor(MECHANISM)


@pytest.mark.parametrize(
    "binding, plus, flag", [(None, False, b"n"), (None, True, b"n"), (BINDING, False, b"y"), (BINDING, True, b"n")]
)
def test_what_the_client_says_of_channel_binding(binding: ChannelBinding | None, plus: bool, flag: bytes) -> None:
    """RFC 5802 §6: "y" only where it could have, and was not offered it."""
    client = start_client(MECHANISM, credentials("ann"), binding=binding, server_offers_plus=plus)

    assert next(client) == flag + b",,n=ann,r=" + CLIENT_NONCE.encode()


def test_our_server_has_it_not() -> None:
    """The keys it keeps are of SHA-256."""
    with pytest.raises(MechanismUnavailable):
        MECHANISM.server(None, bindings=(), plus_offered=False, nonce=CLIENT_NONCE)
