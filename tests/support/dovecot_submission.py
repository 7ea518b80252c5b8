"""Dovecot's own submission service on loopback, inside TLS, with passwords and tokens of the tests' own.

    with DovecotSubmission({"ann@example.test": "secret"}, relay=port) as dovecot:
        dovecot.port                        # implicit TLS; mail goes on to the SMTP server at `relay`
        dovecot.token("ann@example.test")   # a bearer token it takes

It needs root, as Dovecot does. The system's own Dovecot is not touched.
"""

from __future__ import annotations

import base64
import hmac
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.support.certificates import good
from tests.support.installation import until
from tests.support.peers import SEARCH, peer
from tests.support.private_daemon import PrivateDaemon

MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2")

_CONFIGURATION = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols = submission
listen = 127.0.0.1
hostname = dovecot.test
ssl = required
ssl_cert = <{directory}/certificate.pem
ssl_key = <{directory}/key.pem
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
mail_location = maildir:{directory}/mail/%u
first_valid_uid = 1
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
submission_relay_trusted = yes
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {directory}/passwords
  mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
}}
passdb {{
  driver = oauth2
  args = {directory}/oauth2.conf
  mechanisms = oauthbearer xoauth2
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={directory}/mail
}}
service submission-login {{
  inet_listener submission {{
    port = 0
  }}
  inet_listener submissions {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

_OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={directory}/keys/
username_attribute = sub
openid_configuration_url = https://id.example.test/.well-known/openid-configuration
"""


class DovecotSubmission(PrivateDaemon):
    """`passwords`: its accounts. `relay`: the port of the server that gets the mail."""

    name = "dovecot-submission"

    def __init__(self, passwords: Mapping[str, str], *, relay: int) -> None:
        super().__init__()
        peer("dovecot-submission")
        self._passwords = passwords
        self._relay = relay
        self._key = b"key of the tests' identity provider"

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    def token(self, user: str, *, lives: float = 600.0) -> str:
        """A signed JWT (RFC 7519) for `user`, `lives` seconds from now."""
        now = int(time.time())
        claims = {"sub": user, "iss": "https://id.example.test", "iat": now - 60, "exp": now + int(lives)}
        said = ".".join(_base64url(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "HS256"}, claims))
        return f"{said}.{_base64url(hmac.digest(self._key, said.encode(), 'sha256'))}"

    def _prepare(self) -> None:
        self.directory.chmod(0o755)
        (self.directory / "mail").mkdir()
        shutil.chown(self.directory / "mail", "nobody", "nogroup")
        lines = (f"{name}:{{PLAIN}}{password}" for name, password in self._passwords.items())
        self._write("passwords", "\n".join(lines) + "\n", owner="dovecot")
        self._write("keys/default/HS256/default", base64.b64encode(self._key).decode(), owner="dovecot")
        self._write("oauth2.conf", _OAUTH2.format(directory=self.directory), owner="dovecot")
        self._write("certificate.pem", good().pem.decode())
        self._write("key.pem", good().key_pem.decode())
        self._write("log", "")
        mechanisms = " ".join(MECHANISMS).lower()
        text = _CONFIGURATION.format(directory=self.directory, port=self.port, relay=self._relay, mechanisms=mechanisms)
        self._write("dovecot.conf", text)

    def _write(self, name: str, text: str, *, owner: str | None = None) -> None:
        file = Path(self.directory / name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o644 if name == "log" else 0o400)
        if owner is not None:
            shutil.chown(file, owner)

    def _start(self) -> None:
        program = shutil.which("dovecot", path=SEARCH)
        assert program is not None, "dovecot-submissiond is there, and dovecot-core is not"
        with (self.directory / "stderr").open("w") as errors:
            self._process = subprocess.Popen(
                [program, "-F", "-c", self.directory / "dovecot.conf"], stdout=errors, stderr=errors, text=True
            )
        until(self._listens)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.directory / "stderr").read_text() + self.log
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5):
                return True
        except OSError:
            return False


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
