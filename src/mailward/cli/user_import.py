"""`mailward user import`: take over the accounts of another server, from its file of passwords."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import installation, output
from mailward.cli.installation import config_option
from mailward.errors import InputError
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.accounts.importing import Plan, Wishes

_FORMATS = ("dovecot", "htpasswd", "sasldb", "shadow")
_MOST_TOLD = 50
_CHUNK = 65_536


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--format", "form", type=click.Choice(_FORMATS), required=True, help="What wrote FILE.")
@click.option("--domain", default="", metavar="DOMAIN", help="The domain of names without one.")
@click.option("--replace", is_flag=True, help="Give accounts that are there already the password of the file.")
@click.option("--skip-bad", is_flag=True, help="Import the good lines although others are bad.")
@click.option("--allow-weak", is_flag=True, help="Also take unsalted and MD5 hashes.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@config_option
@output.json_option
def command(
    file: Path,
    *,
    form: str,
    domain: str,
    replace: bool,
    skip_bad: bool,
    allow_weak: bool,
    dry_run: bool,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Import the accounts in FILE ("-": standard input).

    Hashed passwords are taken as they are, and become argon2id at the first login; passwords in clear are hashed at
    once. All accounts are imported or, when a line is bad, none.
    """
    from mailward.accounts.importing import Wishes  # noqa: PLC0415 - loads what only some commands need

    wishes = Wishes(domain=domain, replace=replace, skip_bad=skip_bad, allow_weak=allow_weak, dry_run=dry_run)
    plan = _import(file, form, wishes, config_file)
    if as_json:
        output.say_json(_as_json(plan, wishes))
    else:
        _say(plan, wishes)
    if plan.bad and not skip_bad:
        lines = "a line is" if len(plan.bad) == 1 else f"{len(plan.bad)} lines are"
        raise InputError(
            f"{lines} bad: nothing was imported",
            phase="import",
            advice="correct the file, or leave them out with --skip-bad",
        )


def _import(file: Path, form: str, wishes: Wishes, config_file: Path | None) -> Plan:
    from mailward.accounts import import_formats  # noqa: PLC0415
    from mailward.accounts.hasher import Hasher  # noqa: PLC0415
    from mailward.accounts.imported import numbered  # noqa: PLC0415
    from mailward.accounts.importing import Importer  # noqa: PLC0415

    def now() -> float:
        return installation.utc_now().timestamp()

    told = import_formats.known()[form].read(numbered(_chunks(file)), now())
    hasher = Hasher(workers=1)
    try:
        with installation.opened(config_file, create=not wishes.dry_run) as place:
            return Importer(place.reader, place.write, hasher=hasher, now=now).take(told, wishes)
    finally:
        hasher.close()


def _chunks(file: Path) -> Iterator[bytes]:
    try:
        if str(file) == "-":
            yield from iter(lambda: sys.stdin.buffer.read(_CHUNK), b"")
            return
        with file.open("rb") as opened:
            yield from iter(lambda: opened.read(_CHUNK), b"")
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", phase="import") from error


def _schemes(plan: Plan) -> Counter[str]:
    return Counter(entry.scheme for entry in (*plan.new.values(), *plan.replaced.values()))


def _as_json(plan: Plan, wishes: Wishes) -> dict[str, object]:
    return {
        "imported": plan.written,
        "dry_run": wishes.dry_run,
        "added": list(plan.new),
        "replaced": list(plan.replaced),
        "schemes": dict(_schemes(plan)),
        "skipped": [{"line": each.line, "why": each.why} for each in plan.skipped],
        "bad": [{"line": each.line, "why": each.why} for each in plan.bad],
    }


def _say(plan: Plan, wishes: Wishes) -> None:
    for bad in plan.bad[:_MOST_TOLD]:
        click.echo(f"  line {bad.line}: {printable(bad.why, 200)}", err=True)
    if len(plan.bad) > _MOST_TOLD:
        click.echo(f"  … and {len(plan.bad) - _MOST_TOLD} more bad lines; --json tells them all", err=True)
    if plan.bad and not wishes.skip_bad:
        return
    kinds = ", ".join(f"{count} {scheme}" for scheme, count in sorted(_schemes(plan).items()))
    would = "would be " if wishes.dry_run else ""
    counts = f"{len(plan.new)} accounts {would}added, {len(plan.replaced)} {would}replaced"
    output.say(f"✔ {counts}{f' ({kinds})' if kinds else ''}", style="green")
    if plan.skipped or plan.bad:
        output.say(f"  left out: {len(plan.skipped)} without a password, {len(plan.bad)} bad lines")
