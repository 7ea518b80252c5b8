"""`mailward serve`: the submission server, until it is told to stop."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import installation, output

if TYPE_CHECKING:
    from mailward.secret import Secret
    from mailward.server.app import Server
    from mailward.server.config import Config

FIRST_ACCOUNT = "demo@localhost"
_CHANNELS = {
    "implicit": "TLS from the first byte",
    "starttls": "STARTTLS required",
    "insecure-plaintext": "no TLS, no login: trusted networks only",
}
_DOORS = {
    "dovecot_auth": "Dovecot's authentication protocol, for Postfix and Exim",
    "dovecot_policy": "Dovecot's auth-policy",
    "postfix_policy": "Postfix's policy delegation",
    "socketmap": "Postfix's socketmap",
    "http_api": "HTTP",
}


@click.command("serve", short_help="Run the submission server.")
@installation.config_option
def command(*, config_file: Path | None) -> None:
    """Accept mail from those who may send, keep it safe, hand it on.

    Without --config it listens on loopback only, makes a certificate and a first account, and keeps all mail in its
    sandbox. Prints "ready" when every listener is open; SIGTERM or ctrl-c ends it when what it has acknowledged is
    on disk.
    """
    import asyncio  # noqa: PLC0415 - loads what only the server needs
    import logging  # noqa: PLC0415

    from mailward.server.app import serve  # noqa: PLC0415

    config = installation.load(config_file)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    with installation.located(config_file):
        asyncio.run(serve(config, ready=lambda server: announce(server, config_file)))


def announce(server: Server, config_file: Path | None) -> None:
    """Every listener is open: say what there is, make the first account, say "ready"."""
    config = server.config
    output.say(
        f"✔ {f'Configuration  {config_file}' if config_file else 'No configuration: safe defaults'}", style="green"
    )
    _say_row("State", str(config.state_path))
    _say_row("Certificate", _certificate(server))
    secret = _account(config, may_add=config_file is None)
    for listener in server.listeners:
        _say_row("Listens on", f"{listener.address}  {_CHANNELS[listener.door.tls]}")
    for door in () if server.doors is None else server.doors.opened:
        _say_row("Asked at", f"{door.address}  {_DOORS[door.name]}")
    sandbox = "sandbox: mail is kept, nothing leaves this machine"
    _say_row("Delivery", sandbox if config.delivery.sandbox else config.delivery.to)
    for warning in _warnings(config):
        output.say(f"! {warning}", style="yellow")
    if secret is not None:
        _say_next_steps(server)
    click.echo("ready")
    sys.stdout.flush()


def _account(config: Config, *, may_add: bool) -> Secret | None:
    """The password of the first account, made when there is none yet and nobody wrote a configuration."""
    from mailward.accounts import policy  # noqa: PLC0415
    from mailward.cli.user import accounts_of  # noqa: PLC0415
    from mailward.secret import Secret  # noqa: PLC0415

    with installation.opened_at(config) as place, accounts_of(place) as accounts:
        count = len(accounts.listing())
        if count or not may_add:
            _say_row("Accounts", str(count) if count else "none yet; mailward user add NAME")
            return None
        secret = Secret(policy.generate(account=FIRST_ACCOUNT, hostname=config.hostname))
        accounts.add(FIRST_ACCOUNT, secret, hostname=config.hostname)
    _say_row("Account", f"{FIRST_ACCOUNT}  password {secret.reveal()}  (shown this once)")
    return secret


def _certificate(server: Server) -> str:
    if server.ca_file is None:
        return str(server.config.tls.certificate) if server.config.tls else ""
    return f"by a CA of its own; clients trust {server.ca_file}"


def _warnings(config: Config) -> list[str]:
    from mailward.server import config as configuration  # noqa: PLC0415

    return configuration.warnings(config, installation.utc_now())


def _say_next_steps(server: Server) -> None:
    address = next((each.address for each in server.listeners if each.door.implicit), None)
    if address is None:
        return
    user = FIRST_ACCOUNT.replace("@", "%40")
    output.say("Try, in another terminal:")
    output.say(f"  mailward send --via smtps://{user}@{address} --ca {server.ca_file} \\")
    output.say("      --to you@example.com --subject Hello --text 'Hello from Mailward.'")
    output.say("  mailward mail list")
    output.say("  mailward events --follow")


def _say_row(name: str, value: str) -> None:
    output.say(f"  {name:<12} {value}")
