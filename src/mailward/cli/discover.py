"""`mailward discover`: where the user of an address sends mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailward.cli import exit_codes, output
from mailward.cli.client_options import arguments_of, connection_options
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.client.discover import Found

_SOURCES = {
    "srv": "the domain's SRV record",
    "autoconfig": "the domain's autoconfig file",
    "provider": "whoever takes the domain's mail",
    "guess": "a usual name",
}


@click.command("discover", short_help="Find the server of an address.")
@click.argument("address")
@connection_options
@output.json_option
def command(*, address: str, as_json: bool, **connection: object) -> int:
    """Find the submission server of ADDRESS, such as ann@example.org, and print the URL to use.

    Asked are SRV records, the domain's autoconfig file, the provider behind its MX, and the usual names; each answer is
    tried up to TLS, without a login. Exit code 1 when none works.
    """
    from mailward.client.discover import discover  # noqa: PLC0415 - loads what only this needs
    from mailward.net.blocking import BlockingPorts, run_blocking  # noqa: PLC0415

    found = run_blocking(discover(address, BlockingPorts(), arguments_of(connection)))
    working = [each for each in found if each.works]
    if as_json:
        output.say_json([each.as_dict() for each in found])
    elif working:
        _say(working)
    else:
        output.say(f"no server of {printable(address, 200)} takes mail over TLS", style="red")
        for each in found[:4]:
            output.say(f"  {each.host} port {each.port}: {_why(each)}")
    return exit_codes.OK if working else exit_codes.REFUSED


def _say(working: list[Found]) -> None:
    for number, each in enumerate(working):
        output.say(each.url, style="bold" if number == 0 else "")
        mechanisms = ", ".join(each.report.mechanisms) if each.report else ""
        output.say(f"  from {_SOURCES[each.source]}; logins: {mechanisms or 'none'}")
        if not each.ours:
            output.say("  ! of another domain, without DNSSEC: use it only if you know it", style="yellow")


def _why(found: Found) -> str:
    error = found.report.error if found.report else None
    return error.message if error else "not tried"
