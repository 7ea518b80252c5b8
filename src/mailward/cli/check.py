"""`mailward check`: whether mail could be sent through a server, and how well it is secured; none is sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import exit_codes, output, passwords
from mailward.cli.client_options import arguments_of, auth_of, connection_options

if TYPE_CHECKING:
    from mailward.client.check import CheckReport

_MARKS = {"ok": ("✔", "green"), "warn": ("!", "yellow"), "fail": ("✘", "red"), "skipped": ("-", "dim")}


@click.command("check", short_help="Try a server without sending mail.")
@click.argument("server")
@click.option("--user", metavar="NAME", help="Who logs in, if the URL does not say so; without, no login is tried.")
@passwords.password_file_option
@connection_options
@output.json_option
def command(*, server: str, user: str | None, password_file: Path | None, as_json: bool, **connection: object) -> int:
    """Connect to SERVER (a host, host:port or URL), secure the channel, look at what it offers, log in, and leave.

    A wrong password is tried once. Exit code 0 when mail could be sent, 1 when not, with the step that failed.
    """
    from mailward.client.facade_sync import Client  # noqa: PLC0415 - loads what only sending needs

    arguments = arguments_of(connection)
    arguments["auth"] = auth_of(server, user, password_file, wanted=False)
    report = Client(server, **arguments).check()
    if as_json:
        output.say_json(report.as_dict())
    else:
        say(report)
    return exit_codes.OK if report.ok else exit_codes.REFUSED


def say(report: CheckReport) -> None:
    """Each step on a line, with what to do below it."""
    output.say(f"{report.host} port {report.port}", style="bold")
    width = max((len(step.name) for step in report.steps), default=0)
    for step in report.steps:
        mark, style = _MARKS[step.status]
        output.say(f"  {mark} {step.name.ljust(width)}  {step.detail}", style="" if step.status == "ok" else style)
        if step.advice:
            output.say(f"    {' ' * width}  → {step.advice}")
