"""scramp as the server that each SCRAM mechanism of our client logs in to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import scramp

from mailward.errors import SaslError
from mailward.sasl.mechanism import ChannelBinding, Mechanism, finish, respond
from tests.sasl.dialogue import BINDING, ITERATIONS, OTHER_BINDING, credentials, start_client

NAMES = ["user", "ann@example.test", "a,b=c@example.test", "jörg@example.test", "ad\u00admin"]
PASSWORDS = ["pencil", "pässwörd", "pa\u0308ss", "密码", "a,b=c", " spaces "]


def logs_in(mechanism: Mechanism, name: str, password: str, *, binding: ChannelBinding | None = BINDING) -> None:
    """Both ends are content at the end."""
    peer = scramp.ScramMechanism(mechanism.name)
    accounts = {name.replace("\u00ad", ""): peer.make_auth_info(password, iteration_count=ITERATIONS)}
    server = peer.make_server(accounts.__getitem__, channel_binding=_end(mechanism, BINDING))
    plus = mechanism.needs_binding
    client = start_client(mechanism, credentials(name, password), binding=binding, server_offers_plus=plus)

    server.set_client_first(next(client).decode())
    server.set_client_final(respond(client, server.get_server_first().encode()).decode())
    assert respond(client, server.get_server_final().encode()) == b""
    finish(client)


def does_not_log_in(mechanism: Mechanism, password: str, *, binding: ChannelBinding = BINDING) -> None:
    """scramp has "pencil" and BINDING; it says so in its last message, and our client lets it refuse."""
    peer = scramp.ScramMechanism(mechanism.name)
    keys = peer.make_auth_info("pencil", iteration_count=ITERATIONS)
    server = peer.make_server(lambda _name: keys, channel_binding=_end(mechanism, BINDING))
    plus = mechanism.needs_binding
    client = start_client(mechanism, credentials("user", password), binding=binding, server_offers_plus=plus)
    server.set_client_first(next(client).decode())
    final = respond(client, server.get_server_first().encode()).decode()
    set_client_final: Callable[[str], None] = server.set_client_final

    with pytest.raises(scramp.ScramException):
        set_client_final(final)


def does_not_believe_an_impostor(mechanism: Mechanism) -> None:
    """C16: a server with keys of another password lets everybody in, and our client notices."""
    peer = scramp.ScramMechanism(mechanism.name)
    keys = peer.make_auth_info("a guess", iteration_count=ITERATIONS)
    plus = mechanism.needs_binding
    server = peer.make_server(lambda _name: keys, channel_binding=_end(mechanism, BINDING))
    client = start_client(mechanism, credentials("user", "pencil"), binding=BINDING, server_offers_plus=plus)
    server.set_client_first(next(client).decode())
    first = server.get_server_first().encode()
    respond(client, first)
    same_length = keys[2]

    with pytest.raises(SaslError, match="does not know the password"):
        respond(client, b"v=" + scramp.utils.b64enc(same_length).encode())


def _end(mechanism: Mechanism, binding: ChannelBinding) -> tuple[str, bytes] | None:
    return (binding.type, binding.data) if mechanism.needs_binding else None


__all__ = ["NAMES", "OTHER_BINDING", "PASSWORDS", "does_not_believe_an_impostor", "does_not_log_in", "logs_in"]
