"""`mailward tls-report`: how sessions with other domains' servers were secured on a day (RFC 8460)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import click

from mailward.cli import output
from mailward.errors import InputError
from mailward.net.clock import Clock
from mailward.printable import printable


@click.command("tls-report", short_help="The TLS report about a domain, as JSON.")
@click.argument("domain", required=False)
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="In UTC; yesterday if it is not given.")
@click.option("--organization", default="", metavar="NAME", help="Who reports.")
@click.option("--contact", default="", metavar="ADDRESS", help="Whom to ask about the report.")
@click.option(
    "--file", "file", type=click.Path(path_type=Path), metavar="FILE", help="Instead of this user's, as state= has it."
)
def command(*, domain: str | None, day: datetime | None, organization: str, contact: str, file: Path | None) -> None:
    """Print the report of RFC 8460 about DOMAIN, or list the domains of the day: those that direct delivery has met.

    For example: mailward tls-report example.org --day 2026-02-03 --organization "Ann's Mail"
    """
    from mailward.client.tls_report import TlsReports  # noqa: PLC0415 - SQLite is loaded when it is used

    wanted = day.date() if day is not None else _yesterday()
    reports = TlsReports(file)
    if domain is None:
        for each in reports.domains(wanted):
            output.say(printable(each))
        return
    name = domain.lower().removesuffix(".")
    if name not in reports.domains(wanted):
        raise InputError(
            f"nothing was counted about {printable(name, 200)} on {wanted}", advice="mailward tls-report --day …"
        )
    output.say_json(reports.report(wanted, domain=name, organization=organization, contact=contact))


def _yesterday() -> date:
    return (Clock().utc() - timedelta(days=1)).date()
