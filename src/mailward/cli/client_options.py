"""The options of every command that connects to a server as a client, and who logs in there."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from mailward.cli import passwords
from mailward.errors import InputError
from mailward.secret import Secret

if TYPE_CHECKING:
    from mailward.cli.profile_file import Profile
    from mailward.client.options import ClientArguments

F = TypeVar("F", bound=Callable[..., Any])

_MODES: Final = ("auto", "implicit", "starttls", "insecure-plaintext")
_OPTIONS: Final = (
    click.option("--ca", type=click.Path(path_type=Path), metavar="FILE", help="Trust these certificates only."),
    click.option("--pin", multiple=True, metavar="sha256/…", help="Trust the server by its key. May be repeated."),
    click.option("--cert", type=click.Path(path_type=Path), metavar="FILE", help="Our own certificate (PEM)."),
    click.option("--key", type=click.Path(path_type=Path), metavar="FILE", help="Its private key, if not in --cert."),
    click.option("--tls", type=click.Choice(_MODES), help="By default auto, which is never clear text."),
    click.option("--timeout", type=float, metavar="SECONDS", help="For all of it (900)."),
    click.option("--local-address", metavar="IP", help="Connect from this address of this machine."),
    click.option("--proxy", metavar="URL", help="socks5://host:1080, http://host:3128 …, or env."),
    click.option("--ehlo-name", metavar="NAME", help="What to call ourselves; our address by default."),
)


def connection_options(function: F) -> F:
    """All of them; `arguments_of` reads what they gave."""
    return reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), function)


def arguments_of(given: dict[str, Any], profile: Profile | None = None) -> ClientArguments:
    """For `Client`. What was not typed comes from the profile."""
    from mailward.client.tls_mode import INSECURE_PLAINTEXT  # noqa: PLC0415 - loads what only a client needs

    def said(name: str) -> Any:
        typed = given.get(name)
        return typed if typed not in (None, ()) or profile is None else getattr(profile, name)

    tls = said("tls") or "auto"
    if tls not in _MODES:
        raise InputError(f"tls is {tls!r}", advice=f"it may be {', '.join(_MODES)}")
    cert, key = _expanded(said("cert")), _expanded(said("key"))
    if key is not None and cert is None:
        raise InputError("--key goes with --cert")
    plain = {name: said(name) for name in ("pin", "timeout", "local_address", "proxy", "ehlo_name")}
    plain |= {"ca": _expanded(said("ca")), "cert": cert and (cert, key or cert)}
    plain["tls"] = INSECURE_PLAINTEXT if tls == "insecure-plaintext" else tls
    return cast("ClientArguments", {name: value for name, value in plain.items() if value not in (None, ())})


def server_of(given: dict[str, Any], profile: Profile | None) -> tuple[str, str | None, Path | None]:
    """URL, user and password file: as typed, else those of the profile. Raises InputError where there is no URL."""
    via, user, file = given["via"], given["user"], given["password_file"]
    if profile is not None:
        via, user = via or profile.via, user or profile.user
        file = file or _expanded(profile.password_file)
    if not via:
        raise InputError("there is no server", advice="give --via URL or --profile NAME")
    return via, user, file


def auth_of(
    via: str, user: str | None, password_file: Path | None, *, wanted: bool = True
) -> tuple[str, Secret] | None:
    """Who logs in, None for nobody or where the URL says it all. Raises InputError.

    wanted: whether a password must be had; else a user without one does not log in.
    """
    from mailward.client.url import parse_target  # noqa: PLC0415

    target = parse_target(via)
    if user and target.user and user != target.user:
        raise InputError(f"--user says {user} and the URL says {target.user}", advice="say it in one place")
    name = target.user or user
    if name is None:
        if password_file is not None:
            raise InputError("there is a password and no user", advice="give --user, or smtps://user@host")
        return None
    if target.password is not None:
        click.echo("mailward: warning: a password in the URL is seen by every user of this machine", err=True)
        return None
    if password_file is not None:
        return name, passwords.from_file(password_file)
    given = os.environ.get("MAILWARD_PASSWORD")
    secret = Secret(given) if given else passwords.from_terminal(f"Password of {name}")
    if secret is None and wanted:
        raise InputError(f"there is no password for {name}", advice="give --password-file FILE or MAILWARD_PASSWORD")
    return None if secret is None else (name, secret)


def _expanded(path: Path | str | None) -> Path | None:
    return None if path is None else Path(path).expanduser()
