"""A PostgreSQL of the tests' own on a Unix socket and on loopback; it never runs as root.

Its cluster is in one directory that is thrown away. On the socket any user of the machine is trusted; over TCP, with
TLS, `SUPERUSER` has `PASSWORD`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.support.certificates import issue
from tests.support.installation import free_port
from tests.support.peers import peer

SUPERUSER, PASSWORD = "postgres", "password of nobody"


class PostgreSQL:
    """`host`: the directory of its socket. tls: False, and TCP is without it."""

    def __init__(self, *, tls: bool = True) -> None:
        self._tls = tls

    def __enter__(self) -> Self:
        self._binaries = _binaries()
        self.directory = Path(tempfile.mkdtemp(prefix="mailward-postgresql-"))
        self.host = str(self.directory)
        self.port = free_port()
        try:
            self._own()
            (self.directory / "password").write_text(PASSWORD)
            trust = ("--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={self.directory}/password")
            self._run("initdb", "-D", self._data, "-U", SUPERUSER, "-E", "UTF8", "--no-sync", *trust)
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory)

    @property
    def _data(self) -> str:
        return str(self.directory / "data")

    def start(self) -> None:
        options = f"-k {self.directory} -p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off"
        if self._tls:
            options += (
                f" -c ssl=on -c ssl_cert_file={self.directory}/pair.pem -c ssl_key_file={self.directory}/pair.pem"
            )
        self._run("pg_ctl", "-D", self._data, "-l", str(self.directory / "log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        """Safe to call twice."""
        if (self.directory / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def execute(self, statements: str) -> None:
        where = ["-h", self.host, "-p", str(self.port), "-U", SUPERUSER, "-d", "postgres"]
        self._run("psql", "-q", "-v", "ON_ERROR_STOP=1", *where, "-c", statements)

    def _own(self) -> None:
        pair, path = issue(), self.directory / "pair.pem"
        path.write_bytes(pair.key_pem + pair.pem)
        path.chmod(0o600)
        if os.geteuid() == 0:
            for each in (self.directory, path):
                shutil.chown(each, "nobody", "nogroup")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        if os.geteuid() == 0:
            command = [str(peer("runuser")), "-u", "nobody", "--", *command]
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.directory,
            text=True,
            timeout=60,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == 0, done.stdout


def _binaries() -> Path:
    """Debian keeps the server's programs off PATH, in a folder for each version."""
    peer("postgresql")
    found = list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "no /usr/lib/postgresql/*/bin/initdb"
    return max(found, key=lambda path: float(path.parts[-3])).parent
