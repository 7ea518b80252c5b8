"""`mailward explain`: what a server's reply means, and what to do about it."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from mailward.cli import exit_codes, output

_MOST = 4096


@click.command("explain", short_help="Explain a server's reply.")
@click.argument("reply")
@click.option("--host", default="", metavar="NAME", help="The server that said so.")
@output.json_option
def command(*, reply: str, host: str, as_json: bool) -> int:
    """Explain REPLY, such as "535 5.7.139 Authentication unsuccessful …"; "-" reads it from standard input.

    The likeliest cause comes first. What the providers say is known for Microsoft 365, Google, Amazon SES, SendGrid,
    Postfix, Exim and others; else the codes are explained by their standards.
    """
    from mailward.client.knowledge import explain  # noqa: PLC0415

    found = explain(sys.stdin.read(_MOST) if reply == "-" else reply, host=host)
    if as_json:
        output.say_json([asdict(explanation) for explanation in found])
        return exit_codes.OK
    for number, each in enumerate(found):
        if number:
            output.say("")
        output.say(f"{each.provider}: {each.cause}" if each.provider else each.cause, style="bold")
        output.say(f"→ {each.fix}")
        if each.link:
            output.say(f"  {each.link}")
    return exit_codes.OK
