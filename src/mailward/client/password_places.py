"""Places where a password is kept: a file, the environment, the keyring of the desktop. Each login reads it anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mailward.client.passwords import Elsewhere
from mailward.client.private_file import private_octets, unusable
from mailward.errors import AuthError, InputError
from mailward.printable import printable
from mailward.secret import Secret

if TYPE_CHECKING:
    from os import PathLike

    from mailward.net.ports import Ports


class PasswordFile(Elsewhere):
    """The first line of a file that only we, or root, own and only its owner can read (mode 0600 or 0400).

    A new content is used from the next login on. insecure_mode: true takes a file that others can read too.
    """

    def __init__(self, path: str | PathLike[str], *, insecure_mode: bool = False) -> None:
        self._path = os.fspath(Path(path).expanduser())
        self._insecure_mode = insecure_mode

    async def read(self, ports: Ports, *, user: str, host: str, until: float | None) -> Secret:  # noqa: ARG002
        octets = private_octets(self._path, what="the password file", insecure_mode=self._insecure_mode)
        try:
            secret = Secret(octets.partition(b"\n")[0].removesuffix(b"\r").decode())
            problem = "" if secret else "its first line is empty"
        except UnicodeDecodeError:
            secret, problem = Secret(""), "its first line is not UTF-8"
        del octets
        if problem:
            raise unusable(f"the password file {printable(self._path, 200)}: {problem}")
        return secret


class Environment(Elsewhere):
    """The variable `name` of this process."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def read(self, ports: Ports, *, user: str, host: str, until: float | None) -> Secret:  # noqa: ARG002
        secret = Secret(os.environ.get(self._name, ""))
        if not secret:
            raise unusable(f"the environment has no {printable(self._name, 100)}", "set it to the password")
        return secret


class Keyring(Elsewhere):
    """What the keyring holds for `service` (the server's name where it is not given) and the user who logs in.

    Needs the extra `mailward[keyring]`. `keyring set SERVICE USER` puts a password there.
    """

    def __init__(self, service: str | None = None) -> None:
        self._service = service

    async def read(self, ports: Ports, *, user: str, host: str, until: float | None) -> Secret:  # noqa: ARG002
        service = self._service or host
        secret = await ports.compute(lambda: _from_keyring(service, user))  # it may ask a human over D-Bus
        if not secret:
            named = f"{printable(service, 100)} {printable(user, 100)}"
            raise unusable(f"the keyring has no password for {named}", f"put it there: keyring set {named}")
        return secret


def _from_keyring(service: str, user: str) -> Secret:
    try:
        import keyring  # noqa: PLC0415
        from keyring.errors import KeyringError  # noqa: PLC0415
    except ImportError:
        raise InputError(
            "a password from the keyring needs the library keyring",
            phase="auth",
            advice="pip install 'mailward[keyring]'",
        ) from None
    try:
        return Secret(keyring.get_password(service, user) or "")
    except KeyringError as error:
        problem = printable(f"{type(error).__name__}: {error}", 200)
    raise AuthError(
        f"the keyring gave no password: {problem}",
        phase="auth",
        advice="unlock it, or choose a backend: keyring diagnose",
    )
