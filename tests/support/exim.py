"""An Exim of the tests' own on loopback, from an unpacked package: its configuration, spool and log are thrown away.

    with Exim(server.socket("dovecot_auth"), tls=issue()) as exim:
        ...                                  # log in at 127.0.0.1, exim.port; mail is accepted and forgotten

It needs root. The user it insists on need not exist on the machine: libnss-wrapper shows it to this process alone.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.certificates import Pair
from tests.support.installation import until
from tests.support.peers import peer
from tests.support.private_daemon import PrivateDaemon
from tests.support.talk import Talk

USER, GROUP = 65_534, 65_534  # of nobody
_CONFIGURATION = """\
primary_hostname = exim.test
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
spool_directory = {directory}/spool
log_file_path = {directory}/log/%s
pid_file_path = {directory}/exim.pid
tls_advertise_hosts = *
tls_certificate = {directory}/certificate.pem
tls_privatekey = {directory}/key.pem
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
acl_smtp_rcpt = check_rcpt
host_lookup =
rfc1413_hosts =
keep_environment =
add_environment = PATH=/usr/sbin:/usr/bin:/sbin:/bin
never_users =

begin acl
check_rcpt:
  accept authenticated = *
  deny message = relay not permitted

begin routers
forget:
  driver = accept
  transport = nowhere

begin transports
nowhere:
  driver = appendfile
  file = /dev/null
  user = nobody

begin authenticators
plain:
  driver = dovecot
  public_name = PLAIN
  server_socket = {socket}
  server_set_id = $auth1
login:
  driver = dovecot
  public_name = LOGIN
  server_socket = {socket}
  server_set_id = $auth1
scram:
  driver = dovecot
  public_name = SCRAM-SHA-256
  server_socket = {socket}
  server_set_id = $auth1
"""


class Exim(PrivateDaemon):
    """`socket`: where its dovecot authenticator asks. `tls`: its certificate, by which it offers STARTTLS."""

    name = "exim"
    configuration = _CONFIGURATION

    def __init__(self, socket: Path, *, tls: Pair) -> None:
        super().__init__()
        self._program = peer("exim")
        self._socket = socket
        self._tls = tls

    @property
    def log(self) -> str:
        return "".join(file.read_text() for file in sorted((self.directory / "log").iterdir()))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Exim with its configuration, to the end."""
        return subprocess.run(
            self._command(*arguments), check=False, env=self._environment(), capture_output=True, text=True, timeout=30
        )

    def _prepare(self) -> None:
        self.directory.chmod(0o755)
        for name in ("spool", "log"):
            (self.directory / name).mkdir(mode=0o750)
            os.chown(self.directory / name, USER, GROUP)
        for name, data in (("certificate.pem", self._tls.pem), ("key.pem", self._tls.key_pem)):
            (self.directory / name).write_bytes(data)
            (self.directory / name).chmod(0o600)
            os.chown(self.directory / name, USER, GROUP)
        text = self.configuration.format(port=self.port, directory=self.directory, socket=self._socket)
        (self.directory / "exim.conf").write_text(text)
        for name, line in (
            ("passwd", f"Debian-exim:x:{USER}:{GROUP}::/:/bin/false"),
            ("group", f"Debian-exim:x:{GROUP}:"),
        ):
            (self.directory / name).write_text(Path("/etc", name).read_text() + line + "\n")

    def _start(self) -> None:
        with (self.directory / "stderr").open("w") as errors:
            self._process = subprocess.Popen(
                self._command("-bdf"), env=self._environment(), stdout=errors, stderr=errors, text=True
            )
        until(self._greets)

    def _command(self, *arguments: str) -> list[str]:
        return [str(self._program), "-C", str(self.directory / "exim.conf"), *arguments]

    def _environment(self) -> dict[str, str]:
        root = self._program.parents[2]
        libraries = [root / "usr" / "lib", *(root / "usr" / "lib").glob("*-linux-gnu*")]
        (wrapper,) = (root / "usr" / "lib").rglob("libnss_wrapper.so")
        return os.environ | {
            "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
            "LD_PRELOAD": str(wrapper),
            "NSS_WRAPPER_PASSWD": str(self.directory / "passwd"),
            "NSS_WRAPPER_GROUP": str(self.directory / "group"),
        }

    def _greets(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.directory / "stderr").read_text()
        try:
            with Talk(self.port) as talk:
                return talk.answer().code == 220
        except OSError:
            return False
