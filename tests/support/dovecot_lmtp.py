"""Dovecot's LMTP service on loopback and on a Unix socket: bob has room, carol has none, nobody else exists.

    with DovecotLmtp() as dovecot:
        ...                                  # lmtp://localhost:{dovecot.port} with STARTTLS, or dovecot.socket
        dovecot.mailbox("bob")

It needs root, as Dovecot does. The system's own Dovecot is not touched.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

from tests.support.certificates import good
from tests.support.installation import until
from tests.support.peers import SEARCH, peer
from tests.support.private_daemon import PrivateDaemon

_CONFIGURATION = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols = lmtp
listen = 127.0.0.1
hostname = dovecot.test
postmaster_address = postmaster@inbox.test
ssl = yes
ssl_cert = <{directory}/certificate.pem
ssl_key = <{directory}/key.pem
mail_location = maildir:~/mail
mail_plugins = quota
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = username_format=%n {directory}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {directory}/users
}}
plugin {{
  quota = maildir:User quota
  quota_grace = 0
}}
service lmtp {{
  unix_listener {directory}/lmtp {{
    mode = 0600
  }}
  inet_listener lmtp {{
    port = {port}
  }}
}}
"""
_USERS = """\
bob:{{PLAIN}}x:65534:65534::{directory}/mail/bob::
carol:{{PLAIN}}x:65534:65534::{directory}/mail/carol::userdb_quota_rule=*:bytes=10
"""


class DovecotLmtp(PrivateDaemon):
    name = "dovecot-lmtp"

    def __init__(self) -> None:
        super().__init__()
        peer("dovecot-lmtp")

    @property
    def socket(self) -> Path:
        return self.directory / "lmtp"

    def mailbox(self, user: str) -> list[bytes]:
        """The octets of what was delivered; their lines end with LF."""
        new = self.directory / "mail" / user / "mail" / "new"
        return [file.read_bytes() for file in new.iterdir()] if new.is_dir() else []

    def _prepare(self) -> None:
        self.directory.chmod(0o755)
        (self.directory / "mail").mkdir()
        shutil.chown(self.directory / "mail", 65_534, 65_534)
        (self.directory / "log").touch()
        files = {
            "certificate.pem": good().pem.decode(),
            "key.pem": good().key_pem.decode(),
            "users": _USERS.format(directory=self.directory),
            "dovecot.conf": _CONFIGURATION.format(directory=self.directory, port=self.port),
        }
        for name, text in files.items():
            (self.directory / name).write_text(text)
        (self.directory / "key.pem").chmod(0o400)

    def _start(self) -> None:
        program = shutil.which("dovecot", path=SEARCH)
        assert program is not None, "dovecot-lmtpd is there, and dovecot-core is not"
        with (self.directory / "stderr").open("w") as errors:
            self._process = subprocess.Popen(
                [program, "-F", "-c", self.directory / "dovecot.conf"], stdout=errors, stderr=errors, text=True
            )
        until(self._listens)

    def _listens(self) -> bool:
        assert self._process is not None
        told = (self.directory / "stderr").read_text() + (self.directory / "log").read_text()
        assert self._process.poll() is None, told
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5):
                return self.socket.exists()
        except OSError:
            return False
