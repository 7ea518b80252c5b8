"""`mailward connect`: how to let Postfix, Exim or Dovecot ask Mailward, and whether that works."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailward.cli import exit_codes, installation, output, passwords
from mailward.cli.installation import config_option
from mailward.cli.passwords import password_file_option
from mailward.errors import MailwardError
from mailward.printable import printable
from mailward.secret import Secret

if TYPE_CHECKING:
    from mailward.integrations.doors import DoorSettings
    from mailward.integrations.probe import Knock
    from mailward.integrations.recipes import Recipe

_HERE = "127.0.0.1"


@click.command("connect", short_help="Let Postfix, Exim or Dovecot ask Mailward.")
@click.argument("server", type=click.Choice(["postfix", "exim", "dovecot"]))
@config_option
@click.option("--check", is_flag=True, help="Compare with the server's configuration, and knock at our door.")
@click.option(
    "--test-user", metavar="NAME", help="With --check: log in with this account too, through Postfix's or Exim's door."
)
@password_file_option
@click.option(
    "--server-config",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Postfix's configuration directory, Exim's or Dovecot's file, where it is not the usual one.",
)
@output.json_option
def command(
    *,
    server: str,
    config_file: Path | None,
    check: bool,
    test_user: str | None,
    password_file: Path | None,
    server_config: Path | None,
    as_json: bool,
) -> int:
    """Print the lines to add to the configuration of SERVER, with the addresses of our doors.

    With --check: what its configuration says now, whether it may reach our socket, and what our door answers to a
    login with a name that nobody has. Changes no configuration. Exit code 1 when something is not as it should be.
    """
    import msgspec  # noqa: PLC0415

    from mailward.integrations.doors import DoorSettings  # noqa: PLC0415
    from mailward.integrations.recipes import recipe  # noqa: PLC0415

    if not check and (test_user, password_file, server_config) != (None, None, None):
        raise click.UsageError("--test-user, --password-file and --server-config go with --check")
    if server_config is not None:
        server_config.stat()
    with installation.located(config_file):
        settings = DoorSettings(**msgspec.structs.asdict(installation.load(config_file).doors))
        found = recipe(server, settings)
    report = _checked(found, settings, config_file, server_config) if check else []
    if check and test_user is not None:
        report += _logged_in(found, settings, config_file, _knock_of(test_user, password_file))
    if as_json:
        output.say_json(_as_json(found, report))
    else:
        _show(found, report)
    return exit_codes.OK if all(good for good, _ in report) else 1


def _knock_of(name: str, password_file: Path | None) -> Knock:
    from mailward.integrations.probe import Knock  # noqa: PLC0415

    password = passwords.from_terminal(f"Password of {name}") if password_file is None else None
    if password is None:
        if password_file is None:
            raise click.UsageError("--test-user needs --password-file, or a terminal to ask on")
        password = passwords.from_file(password_file)
    return Knock(name, _HERE, password)


def _nobody() -> str:
    """Nobody's address (RFC 3849), another each time: the failures of checks do not add up to a ban."""
    return f"2001:db8:{secrets.randbelow(1 << 16):x}:{secrets.randbelow(1 << 16):x}::1"


def _checked(
    recipe: Recipe, settings: DoorSettings, config_file: Path | None, place: Path | None
) -> list[tuple[bool, str]]:
    from mailward.integrations.running import differences, obstacle  # noqa: PLC0415

    report = [(False, each) for each in differences(recipe, place=place)]
    unseen = ", ".join(part.file for part in recipe.parts if not part.settings)
    but = f"; {unseen} was not looked at" if unseen else ""
    report = report or [(True, f"{recipe.server}'s configuration is as it should be{but}")]
    for name, address in settings.addresses().items():
        if name in recipe.doors and address.path is not None:
            why = obstacle(address.path, recipe.user)
            report.append((why is None, why or f"{recipe.user} can reach {address}"))
    return report + list(_knocked(recipe, settings, config_file))


def _knocked(recipe: Recipe, settings: DoorSettings, config_file: Path | None) -> Iterator[tuple[bool, str]]:
    """With a name that nobody has: that it is refused shows that the door decides."""
    from mailward.integrations.probe import Knock  # noqa: PLC0415

    knock = Knock(f"connect-{secrets.token_hex(6)}@check.invalid", _nobody(), Secret(secrets.token_hex(12)))
    for door in recipe.doors:
        if door == "socketmap":
            continue
        try:
            said = _said(door, settings, knock)
        except MailwardError as problem:
            yield False, f"{door}: {problem.message}"
            continue
        yield True, f"{door} answers: {said}"
    event = _event_of(knock.name, config_file)
    yield event is not None, _told(event) if event is not None else "no event was recorded for that"


def _logged_in(
    recipe: Recipe, settings: DoorSettings, config_file: Path | None, knock: Knock
) -> list[tuple[bool, str]]:
    if "dovecot_auth" not in recipe.doors:
        return [(False, f"--test-user: {recipe.server} checks its passwords itself; try it there")]
    try:
        said = _said("dovecot_auth", settings, knock)
    except MailwardError as problem:
        return [(False, f"dovecot_auth: {problem.message}")]
    event = _event_of(knock.name, config_file)
    return [
        (said.startswith("OK "), f"a login of {printable(knock.name, 200)} is answered: {said}"),
        (event is not None, _told(event) if event is not None else "no event was recorded for that"),
    ]


def _said(door: str, settings: DoorSettings, knock: Knock) -> str:
    import asyncio  # noqa: PLC0415

    from mailward.integrations import probe  # noqa: PLC0415

    address = settings.addresses()[door]
    match door:
        case "dovecot_auth":
            return asyncio.run(probe.dovecot_auth(address, knock))
        case "postfix_policy":
            return asyncio.run(probe.postfix_policy(address, knock))
        case _:
            return probe.dovecot_policy(address, knock, Path(settings.token_file or ""))


def _event_of(name: str, config_file: Path | None) -> dict[str, Any] | None:
    """The newest event about this account, when it is on disk."""
    import json  # noqa: PLC0415
    import time  # noqa: PLC0415

    from mailward.accounts.account import canonical  # noqa: PLC0415
    from mailward.store.events import select  # noqa: PLC0415

    with installation.opened(config_file) as place:
        for _ in range(20):
            found = [line for _, line in select(place.reader, account=canonical(name))]
            if found:
                event: dict[str, Any] = json.loads(found[-1])
                return event
            time.sleep(0.1)
    return None


def _told(event: dict[str, Any]) -> str:
    why = f", {event['reason']}" if event.get("reason") else ""
    return printable(f"recorded: {event['type']}{why}, {event['listener']}, from {event['source']}", 400)


def _show(recipe: Recipe, report: list[tuple[bool, str]]) -> None:
    for part in recipe.parts:
        output.say(f"# {recipe.server}: {part.file}", style="bold")
        for line in part.lines:
            output.say(line)
        output.say("")
    for good, sentence in report:
        output.say(f"{'✔' if good else '✘'} {sentence}", style="green" if good else "red")


def _as_json(recipe: Recipe, report: list[tuple[bool, str]]) -> dict[str, Any]:
    return {
        "server": recipe.server,
        "parts": [{"file": part.file, "lines": part.lines} for part in recipe.parts],
        "checks": [{"good": good, "what": sentence} for good, sentence in report],
    }
