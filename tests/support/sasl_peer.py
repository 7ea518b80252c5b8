"""Other people's servers for the logins of our client: scramp and pyspnego, spoken to over SMTP; and a plain one."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable

import scramp
import spnego
from spnego.exceptions import SpnegoError

from mailward.sasl.channel_binding import tls_server_end_point
from mailward.sasl.mechanism import ChannelBinding
from tests.support.certificates import good
from tests.support.hostile import Act, Connection

WELCOME = b"235 2.7.0 welcome\r\n"
REFUSED = b"535 5.7.8 bad credentials\r\n"


def initial_of(connection: Connection) -> bytes | None:
    """What came with AUTH, or after an empty challenge."""
    words = connection.line.split(b" ")
    if len(words) < 3:
        return ask(connection, b"")
    return b"" if words[2] == b"=" else base64.b64decode(words[2])


def ask(connection: Connection, challenge: bytes) -> bytes:
    connection.say(b"334 " + base64.b64encode(challenge) + b"\r\n")
    line = connection.hear_line()
    connection.verbs.append(line.decode() if line == b"*" else ":")
    return b"" if line == b"*" else base64.b64decode(line)


def asking(challenges: Iterable[bytes], verdict: bytes = REFUSED) -> Act:
    """Octets after 334 one after the other, whatever is answered, until the client cancels; then `verdict`."""

    def act(connection: Connection) -> bytes:
        for challenge in challenges:
            connection.say(b"334 " + challenge + b"\r\n")
            if connection.hear_line() == b"*":
                connection.verbs.append("*")
                return b"501 5.7.0 cancelled\r\n"
            connection.verbs.append(":")
        return verdict

    return act


def by_scramp(password: str, *, iterations: int = 4096) -> Act:
    """Every SCRAM mechanism that AUTH names, with and without channel binding."""

    def act(connection: Connection) -> bytes:
        name = connection.line.split(b" ")[1].decode()
        peer = scramp.ScramMechanism(name)
        keys = peer.make_auth_info(password, iteration_count=iterations)
        binding = tls_server_end_point(good().der)
        bound = (binding.type, binding.data) if name.endswith("-PLUS") else None
        server = peer.make_server(lambda _name: keys, channel_binding=bound)
        try:
            server.set_client_first((initial_of(connection) or b"").decode())
            server.set_client_final(ask(connection, server.get_server_first().encode()).decode())
        except scramp.ScramException:
            return REFUSED
        ask(connection, server.get_server_final().encode())
        return WELCOME

    return act


def by_pyspnego(binding: ChannelBinding | None = None) -> Act:
    """NTLM, with the accounts that NTLM_USER_FILE names."""
    from spnego.channel_bindings import GssChannelBindings  # noqa: PLC0415

    bound = GssChannelBindings(application_data=binding.type.encode() + b":" + binding.data) if binding else None

    def act(connection: Connection) -> bytes:
        server = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm, channel_bindings=bound)
        try:
            server.step(ask(connection, server.step(initial_of(connection)) or b""))
        except SpnegoError:
            return REFUSED
        return WELCOME

    return act


def if_said(expected: bytes, *, error: bytes = b"", judge: Callable[[bytes], bool] | None = None) -> Act:
    """Whoever says `expected` at once is welcome; anybody else is told `error` first, if there is one."""

    def act(connection: Connection) -> bytes:
        said = initial_of(connection) or b""
        if said == expected if judge is None else judge(said):
            return WELCOME
        if error:
            connection.verbs.append(repr(ask(connection, error)))
        return REFUSED

    return act
