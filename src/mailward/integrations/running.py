"""What the other server says of its own configuration, and whether it can reach our socket."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mailward.integrations.recipes import Recipe
from mailward.printable import printable

_SEARCH: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
_PATIENCE: Final = 20.0  # seconds
_PROGRAMS: Final = {"postfix": ("postconf",), "dovecot": ("doveconf",), "exim": ("exim4", "exim")}


def differences(recipe: Recipe, *, place: Path | None = None) -> Iterator[str]:
    """Each setting that is not as the recipe has it, one sentence each; nothing when all are.

    place: the server's configuration directory (Postfix) or file (Exim, Dovecot), where it is not the usual one.
    """
    program = next(filter(None, (shutil.which(name, path=_SEARCH) for name in _PROGRAMS[recipe.server])), None)
    if program is None:
        yield f"{recipe.server} is not installed here, so its configuration was not looked at"
        return
    for part in recipe.parts:
        said = _said(recipe.server, program, [name for name, _ in part.settings], place)
        for name, value in part.settings:
            found = said.get(name, [])
            if value not in found and value not in _words(found):
                now = f"is {printable(', '.join(found), 200) or 'empty'}" if found else "is not set"
                yield f"{part.file}: {name} {now}, and should be {value}"


def _words(values: list[str]) -> set[str]:
    """What stands in lists: other restrictions may stand beside ours."""
    return {word for value in values for word in value.replace(",", " ").split()}


def _said(server: str, program: str, names: list[str], place: Path | None) -> dict[str, list[str]]:
    """The values that each name has; with Exim there is one for each authenticator."""
    if not names:
        return {}
    at = [] if place is None else ["-C" if server == "exim" else "-c", str(place)]
    asked = ["-bP", "authenticators"] if server == "exim" else names
    done = subprocess.run(  # noqa: S603 - the programs of the server that the operator named
        [program, *at, *asked], check=False, capture_output=True, text=True, errors="replace", timeout=_PATIENCE
    )
    values: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            values.setdefault(name.strip(), []).append(value.strip())
    return values


def obstacle(path: Path, user: str) -> str | None:
    """Why this user cannot connect to the socket, and what would help; None when it can, or is not on this machine."""
    try:
        person = pwd.getpwnam(user)
    except KeyError:
        return f"there is no user {user} on this machine"
    groups = {person.pw_gid, *(group.gr_gid for group in grp.getgrall() if user in group.gr_mem)}
    try:
        for folder in reversed(path.parents):
            if not _may(folder.stat(), person.pw_uid, groups, stat.S_IXOTH):
                return f"{user} may not enter {folder}"
        found = path.stat()
    except FileNotFoundError:
        return f"there is no {path}: is the server running?"
    except OSError as problem:
        return f"{path}: {problem.strerror}"
    if not stat.S_ISSOCK(found.st_mode):
        return f"{path} is no socket"
    if not _may(found, person.pw_uid, groups, stat.S_IWOTH):
        group = grp.getgrgid(person.pw_gid).gr_name
        return f'{user} may not write to {path}; write socket_group = "{group}" under [doors]'
    return None


def _may(found: os.stat_result, user: int, groups: set[int], bit: int) -> bool:
    """`bit`: the one for others, as in a mode."""
    if user in {0, found.st_uid}:
        return user == 0 or bool(found.st_mode & bit << 6)
    return bool(found.st_mode & (bit << 3 if found.st_gid in groups else bit))
