"""`mailward breached`: filters of breached passwords, made from a downloaded set."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, Literal

import click

from mailward.cli import exit_codes, output, passwords

_EVERY = 64 << 20  # octets, where the size is not known


@click.group("breached", short_help="Use a downloaded set of breached passwords.")
def command() -> None:
    """Make and use filters of breached passwords.

    A list of some 430,000 comes with Mailward. Whoever wants the hundreds of millions downloads a set, builds a
    filter, and names it in `breached_files` of [passwords]. No password leaves this machine.
    """


@command.command("build")
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path, allow_dash=True))
@click.argument("target", metavar="OUTPUT", type=click.Path(path_type=Path))
@click.option("--form", type=click.Choice(["plain", "sha1"]), help="Of the lines; by default, as the first one looks.")
@click.option(
    "--false-positives",
    "rate",
    type=click.FloatRange(1e-9, 0.1),
    default=1e-6,
    show_default=True,
    help="How often at most a password that is not in the set may be refused. 0.001 makes the file a third smaller.",
)
@click.option("--at-least", type=click.IntRange(1), default=1, help="Only hashes that were counted so often.")
@output.json_option
def build(
    source: Path, target: Path, *, form: Literal["plain", "sha1"] | None, rate: float, at_least: int, as_json: bool
) -> None:
    """Make the filter OUTPUT from INPUT, which may be larger than the memory; - is standard input.

    INPUT holds one password a line, or SHA1:COUNT as the Pwned Passwords download does. OUTPUT is replaced only when
    the new one is whole. Some eight octets a line are needed on its disk meanwhile.
    """
    from mailward.accounts import breached_build  # noqa: PLC0415  # loads what only this command needs

    if source.exists() and target.exists() and source.samefile(target):
        raise click.UsageError("INPUT and OUTPUT are one file, and the filter would replace the set")
    with _opened(source) as (file, size), _shown(size, quiet=as_json) as progress:
        built = breached_build.build(file, target, form=form, rate=rate, at_least=at_least, progress=progress)
    if as_json:
        output.say_json({"file": str(target), **asdict(built)})
        return
    output.say(f"✔ {target} holds {built.entries:,} hashes in {built.octets:,} octets", style="green")
    output.say(f"  {built.lines:,} lines read, {built.skipped:,} of no use")
    output.say(f"  a password that is not in it is taken for one that is once in {1 / built.rate:,.0f} times")


@command.command("check")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@output.json_option
def check(files: tuple[Path, ...], *, as_json: bool) -> int:
    """Look a password up, read from the first line of standard input: in each FILE, or in the list that comes along.

    Exit code 0 when neither it nor what it is built on is known, 1 when it is.
    """
    from mailward.accounts.breached import BreachedSet, shipped  # noqa: PLC0415
    from mailward.accounts.breached_filter import BreachedFilter  # noqa: PLC0415

    known = BreachedSet(map(BreachedFilter, files) if files else shipped())
    found = known.find((passwords.from_terminal("Password") or passwords.from_stdin()).reveal()[:1024])
    if as_json:
        output.say_json({"breached": found.exact, "built_on_breached": found.stem})
    elif found.exact:
        output.say("✘ it is in the set", style="red")
    elif found.stem:
        output.say("✘ it is built on one in the set", style="red")
    else:
        output.say("✔ it is not in the set", style="green")
    return exit_codes.REFUSED if found.exact or found.stem else exit_codes.OK


@command.command("info")
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@output.json_option
def info(file: Path | None, *, as_json: bool) -> None:
    """Tell what a filter holds, and read all of it to see that it is whole; without FILE, the one that comes along."""
    from mailward.accounts.breached import SHIPPED  # noqa: PLC0415
    from mailward.accounts.breached_filter import BreachedFilter  # noqa: PLC0415

    opened = BreachedFilter(file or SHIPPED)
    opened.verify()
    header = opened.header
    told = {"entries": header.entries, "octets": header.size, "rate": header.rate, "sha256": header.digest.hex()}
    if as_json:
        output.say_json({"file": str(opened.path), **told})
        return
    output.say(f"✔ {opened.path} is whole", style="green")
    output.say(f"  {header.entries:,} hashes in {header.size:,} octets; one in {1 / header.rate:,.0f} wrongly known")


@contextmanager
def _opened(source: Path) -> Iterator[tuple[BinaryIO, int]]:
    """The file and how many octets it has, 0 when nobody knows."""
    if str(source) == "-":
        yield sys.stdin.buffer, 0
        return
    with source.open("rb") as file:
        status = os.fstat(file.fileno())
        yield file, status.st_size if stat.S_ISREG(status.st_mode) else 0


@contextmanager
def _shown(size: int, *, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """On standard error, where a person looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    if size == 0:
        yield _told_by_size()
        return
    with click.progressbar(length=size, label="reading", file=sys.stderr) as bar:
        yield lambda octets: bar.update(octets - bar.pos)


def _told_by_size() -> Callable[[int], None]:
    before = 0

    def progress(octets: int) -> None:
        nonlocal before
        if octets - before >= _EVERY:
            before = octets
            click.echo(f"{octets >> 20:,} MiB read", err=True)

    return progress
