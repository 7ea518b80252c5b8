"""Finds the mechanisms by their folder, and chooses the strongest one both sides know."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from functools import cache
from importlib import import_module

from mailward.errors import InputError, MailwardError, MechanismUnavailable
from mailward.printable import printable
from mailward.sasl import mechanisms
from mailward.sasl.mechanism import ChannelBinding, Kind, Mechanism, absent

_NEEDS: dict[Kind, str] = {
    "password": "a password",
    "token": "a token (OAuth2)",
    "certificate": "a client certificate",
    "anonymous": "nobody's name",
    "kerberos": "a Kerberos ticket",
    "ntlm": "an NTLM account",
}


def client_mechanisms() -> dict[str, Mechanism]:
    """By name, the strongest first."""
    return {mechanism.name: mechanism for mechanism in _found() if mechanism.client is not absent}


def server_mechanisms() -> dict[str, Mechanism]:
    """By name, the strongest first."""
    return {mechanism.name: mechanism for mechanism in _found() if mechanism.server is not absent}


def named(names: Sequence[str]) -> tuple[str, ...]:
    """The caller's list of mechanisms, checked: InputError for one we do not know, or for none at all."""
    known = client_mechanisms()
    if isinstance(names, str) or not names:
        raise InputError("mechanisms= must be a list of names, such as ['SCRAM-SHA-256-PLUS']", phase="options")
    upper = tuple(str(name).upper() for name in names)
    strange = [name for name in upper if name not in known]
    if strange:
        raise InputError(
            f"mechanisms= names {printable(', '.join(strange), 100)}",
            phase="options",
            advice=f"there are {', '.join(known)}",
        )
    return upper


def choose(
    offered: Sequence[str],
    *,
    kind: Kind = "password",
    tls: bool,
    bindings: Sequence[ChannelBinding],
    allowed: Sequence[str] | None = None,
) -> Mechanism:
    """The strongest mechanism the server offers that may be used on this channel, with credentials of this kind.

    allowed: the only names the caller wants, None for all but those that must be named. MechanismUnavailable says
    what was offered and why nothing fits; nothing was sent.
    """
    offered_names = {name.upper() for name in offered}
    allowed_names = None if allowed is None else {name.upper() for name in allowed}
    obstacles: list[str] = []
    for mechanism in client_mechanisms().values():
        if mechanism.name not in offered_names:
            continue
        obstacle = _unwanted(mechanism, kind, allowed_names) or _obstacle(mechanism, tls=tls, bindings=bindings)
        if not obstacle:
            return mechanism
        obstacles.append(f"{mechanism.name} {obstacle}")
    raise _unavailable(offered, obstacles, kind, tls=tls)


def _unwanted(mechanism: Mechanism, kind: Kind, allowed: set[str] | None) -> str | None:
    if allowed is not None and mechanism.name not in allowed:
        return "is not one of those allowed here"
    if kind in mechanism.by_name:
        return None if allowed is not None else "is used only where mechanisms= names it"
    if kind != mechanism.credential:
        return f"needs {_NEEDS[mechanism.credential]}"
    return None


def _obstacle(mechanism: Mechanism, *, tls: bool, bindings: Sequence[ChannelBinding]) -> str | None:
    if mechanism.reveals_password and not tls:
        what = "token" if mechanism.credential == "token" else "password"
        return f"would show the {what} to everyone on the way, as the channel is not encrypted"
    if mechanism.credential == "certificate" and not tls:
        return "needs TLS, in which the certificate is shown"
    if mechanism.needs_binding and not bindings:
        return "needs a channel binding, and this channel has none"
    return None


def _unavailable(offered: Sequence[str], obstacles: list[str], kind: Kind, *, tls: bool) -> MechanismUnavailable:
    what = f"the server offers {printable(', '.join(offered), 200)}" if offered else "the server offers no login"
    fitting = (mechanism.name for mechanism in client_mechanisms().values() if mechanism.credential == kind)
    why = "; ".join(obstacles) or f"with {_NEEDS[kind]} we know {', '.join(fitting)}"
    return MechanismUnavailable(
        f"no mechanism to log in with: {what}; {why}",
        phase="auth",
        advice="Give auth= (and mechanisms=, if you do) what the server offers, or ask it to offer more."
        if offered and tls
        else "Check that this is the submission port (465 or 587) and that TLS is on.",
    )


@cache
def _found() -> tuple[Mechanism, ...]:
    names = [module.name for module in pkgutil.iter_modules(mechanisms.__path__)]
    found: list[Mechanism] = [import_module(f"{mechanisms.__name__}.{name}").MECHANISM for name in names]
    if len({mechanism.name for mechanism in found}) != len(found):
        raise MailwardError(f"two files in {mechanisms.__name__} hold a mechanism of the same name", phase="auth")
    return tuple(sorted(found, key=lambda mechanism: -mechanism.strength))
