"""A Dovecot of the tests' own on loopback, IMAP with passwords of its own, that asks an auth-policy server first.

    with Dovecot({"ann@example.test": "secret"}, policy="http://127.0.0.1:7003/", token="…") as dovecot:
        dovecot.login("ann@example.test", "secret", source="127.0.0.7")     # "OK …" or "NO …"

It needs root, as Dovecot does. The system's own Dovecot is not touched.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Mapping

from tests.support.installation import until
from tests.support.peers import SEARCH, peer
from tests.support.private_daemon import PrivateDaemon

_CONFIGURATION = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:{directory}/mail/%u
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {directory}/passwords
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={directory}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
auth_policy_server_url = {policy}
auth_policy_server_api_header = "Authorization: Bearer {token}"
auth_policy_hash_nonce = of-the-tests
auth_policy_reject_on_fail = {reject_on_fail}
"""


class Dovecot(PrivateDaemon):
    """`passwords`: its accounts. `policy`: the URL it asks. `reject_on_fail`: nobody logs in while that is away."""

    name = "dovecot"

    def __init__(self, passwords: Mapping[str, str], *, policy: str, token: str, reject_on_fail: bool = False) -> None:
        super().__init__()
        peer("dovecot-imap")
        self._passwords = passwords
        self._settings = {"policy": policy, "token": token, "reject_on_fail": "yes" if reject_on_fail else "no"}

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    def login(self, user: str, password: str, *, source: str = "127.0.0.1") -> str:
        """LOGIN in a connection of its own; what the server answers to it, without the tag."""
        with socket.create_connection(("127.0.0.1", self.port), 20, (source, 0)) as connection:
            file = connection.makefile("rw", newline="")
            assert file.readline().startswith("* OK")
            file.write(f'a LOGIN "{user}" "{password}"\r\n')
            file.flush()
            while line := file.readline():
                if line.startswith("a "):
                    return line.removeprefix("a ").strip()
        return ""

    def _prepare(self) -> None:
        self.directory.chmod(0o755)
        (self.directory / "mail").mkdir()
        shutil.chown(self.directory / "mail", "nobody", "nogroup")
        lines = (f"{name}:{{PLAIN}}{password}" for name, password in self._passwords.items())
        (self.directory / "passwords").write_text("\n".join(lines) + "\n")
        shutil.chown(self.directory / "passwords", "dovecot")
        (self.directory / "passwords").chmod(0o400)
        (self.directory / "log").touch()
        text = _CONFIGURATION.format(directory=self.directory, port=self.port, **self._settings)
        (self.directory / "dovecot.conf").write_text(text)

    def _start(self) -> None:
        with (self.directory / "stderr").open("w") as errors:
            self._process = subprocess.Popen(
                [_program(), "-F", "-c", self.directory / "dovecot.conf"], stdout=errors, stderr=errors, text=True
            )
        until(self._greets)

    def _greets(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.directory / "stderr").read_text() + self.log
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                return connection.recv(4) == b"* OK"
        except OSError:
            return False


def _program() -> str:
    found = shutil.which("dovecot", path=SEARCH)
    assert found is not None, "dovecot-imapd is there, and dovecot-core is not"
    return found
