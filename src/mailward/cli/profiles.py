"""Named servers for the command line: `~/.config/mailward/profiles.toml`, a table for each.

[work]
via = "smtps://ann%40example.org@smtp.example.org"
password_file = "~/.config/mailward/work.password"
from = "Ann <ann@example.org>"
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mailward.cli.profile_file import Profile

profile_option = click.option(
    "--profile", envvar="MAILWARD_PROFILE", metavar="NAME", help="A server of your profiles.toml."
)


def path() -> Path:
    """Where the profiles are."""
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "mailward" / "profiles.toml"


def profile(name: str) -> Profile:
    """The one of this name. Raises InvalidConfig, with the file and the key at fault."""
    from mailward.cli.profile_file import read  # noqa: PLC0415 - msgspec, which few commands need

    return read(path(), name)
