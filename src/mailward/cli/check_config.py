"""`mailward check-config`: every fault of a configuration at once, before a server starts with it."""

from __future__ import annotations

from pathlib import Path

import click

from mailward.cli import exit_codes, installation, output, streams


@click.command("check-config", short_help="Check a mailward.toml.")
@click.argument("file", type=click.Path(path_type=Path))
@output.json_option
def command(file: Path, *, as_json: bool) -> int:
    """Check a mailward.toml and the files it names.

    Tells every fault with file, line, key and the nearest right one, and what is allowed but dangerous. Changes
    nothing. Exit code 2 when there is a fault.
    """
    from mailward.server import config  # noqa: PLC0415
    from mailward.server.config import InvalidConfigFile  # noqa: PLC0415

    try:
        loaded = config.load(file)
    except InvalidConfigFile as error:
        if not as_json:
            raise
        faults = [
            {"file": each.file, "line": each.line, "key": each.key, "message": each.message}
            for each in (error, *error.others)
        ]
        with streams.reader_may_leave():
            output.say_json({"valid": False, "faults": faults, "warnings": []})
        return exit_codes.USAGE
    warnings = config.warnings(loaded, installation.utc_now())
    if as_json:
        output.say_json({"valid": True, "faults": [], "warnings": warnings})
        return exit_codes.OK
    output.say(f"✔ {file} is sound", style="green")
    for listener in loaded.listener:
        output.say(f"  listens on {listener.address} ({listener.tls})")
    output.say(f"  delivers to {loaded.delivery.to}")
    for warning in warnings:
        output.say(f"  ! {warning}", style="yellow")
    return exit_codes.OK
