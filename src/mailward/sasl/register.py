"""Finds the mechanisms by their folder, and chooses the strongest one both sides know."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from functools import cache
from importlib import import_module

from mailward.errors import MailwardError, MechanismUnavailable
from mailward.printable import printable
from mailward.sasl import mechanisms
from mailward.sasl.mechanism import ChannelBinding, Mechanism, absent


def client_mechanisms() -> dict[str, Mechanism]:
    """By name, the strongest first."""
    return {mechanism.name: mechanism for mechanism in _found() if mechanism.client is not absent}


def server_mechanisms() -> dict[str, Mechanism]:
    """By name, the strongest first."""
    return {mechanism.name: mechanism for mechanism in _found() if mechanism.server is not absent}


def choose(
    offered: Sequence[str], *, tls: bool, bindings: Sequence[ChannelBinding], allowed: Sequence[str] | None = None
) -> Mechanism:
    """The strongest mechanism the server offers that may be used on this channel.

    allowed: the only names the caller wants, None for all. MechanismUnavailable says what was offered and why
    nothing fits; nothing was sent.
    """
    offered_names = {name.upper() for name in offered}
    allowed_names = None if allowed is None else {name.upper() for name in allowed}
    obstacles: list[str] = []
    for mechanism in client_mechanisms().values():
        if mechanism.name not in offered_names:
            continue
        obstacle = _obstacle(mechanism, tls=tls, bindings=bindings, allowed=allowed_names)
        if not obstacle:
            return mechanism
        obstacles.append(f"{mechanism.name} {obstacle}")
    raise _unavailable(offered, obstacles)


def _obstacle(
    mechanism: Mechanism, *, tls: bool, bindings: Sequence[ChannelBinding], allowed: set[str] | None
) -> str | None:
    if allowed is not None and mechanism.name not in allowed:
        return "is not one of those allowed here"
    if mechanism.reveals_password and not tls:
        return "would show the password to everyone on the way, as the channel is not encrypted"
    if mechanism.needs_binding and not bindings:
        return "needs a channel binding, and this channel has none"
    return None


def _unavailable(offered: Sequence[str], obstacles: list[str]) -> MechanismUnavailable:
    what = f"the server offers {printable(', '.join(offered), 200)}" if offered else "the server offers no login"
    why = "; ".join(obstacles) or f"we know {', '.join(client_mechanisms())}"
    return MechanismUnavailable(
        f"no mechanism to log in with: {what}; {why}",
        phase="auth",
        advice="Check that this is the submission port (465 or 587) and that TLS is on.",
    )


@cache
def _found() -> tuple[Mechanism, ...]:
    names = [module.name for module in pkgutil.iter_modules(mechanisms.__path__)]
    found: list[Mechanism] = [import_module(f"{mechanisms.__name__}.{name}").MECHANISM for name in names]
    if len({mechanism.name for mechanism in found}) != len(found):
        raise MailwardError(f"two files in {mechanisms.__name__} hold a mechanism of the same name", phase="auth")
    return tuple(sorted(found, key=lambda mechanism: -mechanism.strength))
