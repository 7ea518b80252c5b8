"""A Mailward that other servers ask: its doors are sockets in a folder of their own, open to one group."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Self

from tests.support.installation import Section, free_port
from tests.support.mailward_server import MailwardServer

TOKEN = "a-token-that-only-the-tests-know"
QUICK: Section = {"delay_first": 0.01, "delay_most": 0.05}


class LoginDoors(MailwardServer):
    """`doors`: those to open. `group`: whose the sockets are.

    Their folder is nowhere deep, for the path of a socket has at most 107 octets, and those who connect run as users
    of their own.
    """

    def __init__(self, directory: Path, *doors: str, group: str | None = None, guard: Section = QUICK) -> None:
        self.sockets = Path(tempfile.mkdtemp(prefix="mailward-doors-"))
        self.sockets.chmod(0o755)
        self.http: dict[str, int] = {name: free_port() for name in doors if name in {"dovecot_policy", "http_api"}}
        token = self.sockets / "token"
        token.touch(0o600)
        token.write_text(TOKEN + "\n")
        addresses = {name: f"127.0.0.1:{port}" for name, port in self.http.items()}
        addresses |= {name: f"unix:{self.socket(name)}" for name in doors if name not in self.http}
        settings: Section = {**addresses, "token_file": str(token)} | ({} if group is None else {"socket_group": group})
        super().__init__(directory, doors=settings, guard=guard)

    def socket(self, door: str) -> Path:
        return self.sockets / door

    def __enter__(self) -> Self:
        try:
            return super().__enter__()
        except BaseException:
            shutil.rmtree(self.sockets)
            raise

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            super().__exit__(kind, *rest)
        finally:
            shutil.rmtree(self.sockets)
