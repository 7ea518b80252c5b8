"""A Postfix of the tests' own on loopback: its configuration, queue and mailboxes are in one directory, thrown away.

    with Postfix(tls=issue()) as postfix:
        ...                                  # deliver to bob@inbox.test at 127.0.0.1, postfix.port
        (raw,) = postfix.delivered("bob", 1)

It needs root, as Postfix does. The system's own Postfix, its configuration and its queue are not touched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import pytest

from tests.support.certificates import Pair
from tests.support.installation import free_port, until
from tests.support.peers import peer
from tests.support.talk import Talk

DOMAIN = "inbox.test"
USERS = ("bob", "carol", "dave")
HOSTNAME = "postfix.test"

_MAIN = """\
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
myhostname = {hostname}
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = {directory}/log
maillog_file_prefixes = {directory}
multi_instance_enable = no
alias_maps =
alias_database =
local_recipient_maps =
local_header_rewrite_clients =
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
smtpd_tls_session_cache_database =
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {directory}/mail
virtual_mailbox_maps = inline:{{ {users} }}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_mailbox_limit = 0
message_size_limit = 67108864
mailbox_size_limit = 0
"""
_TLS = """\
smtpd_tls_security_level = {level}
smtpd_tls_cert_file = {directory}/certificate.pem
smtpd_tls_key_file = {directory}/key.pem
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
_DIRECTORIES = (
    {"data": "postfix", "mail": "nobody", "queue": "root", "queue/pid": "root"}
    | dict.fromkeys(
        (f"queue/{name}" for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming")),
        "postfix",
    )
    | dict.fromkeys((f"queue/{name}" for name in ("private", "public", "saved", "trace", "maildrop")), "postfix")
)


class Postfix:
    """`tls`: its certificate, by which it offers STARTTLS; `encrypt`: and requires it. `settings`: more of main.cf.

    Each `{directory}` in the settings is where all of it is. Sockets that it connects to may lie in `private`.
    """

    def __init__(self, *, tls: Pair | None = None, encrypt: bool = False, settings: str = "") -> None:
        peer("postfix")
        self._daemons = Path(_postconf("daemon_directory"))
        self._tls = tls
        self._encrypt = encrypt
        self._settings = settings
        self.port = free_port()

    def __enter__(self) -> Self:
        need_root()
        self.directory = Path(tempfile.mkdtemp(prefix="mailward-postfix-"))
        try:
            self._prepare()
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

    def start(self) -> None:
        """Returns when it greets. By hand: `postfix start` spends seconds on checking what was made a moment ago."""
        command = [str(self._daemons / "master"), "-w", "-c", str(self.directory)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        until(self._greets)

    def stop(self) -> None:
        """Safe to call twice."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            master = self._master()
            if master is None:
                return
            os.kill(master, number)
            with contextlib.suppress(AssertionError):
                until(lambda: self._master() is None, within=5)

    def mailbox(self, user: str) -> list[bytes]:
        """The octets of the messages delivered to `user`, oldest first; their lines end with LF."""
        new = self.directory / "mail" / user / "new"
        files = sorted(new.iterdir(), key=lambda file: file.stat().st_mtime_ns) if new.is_dir() else []
        return [file.read_bytes() for file in files]

    def delivered(self, user: str, count: int, *, within: float = 15.0) -> list[bytes]:
        """The mailbox, when `count` messages have come; there must not be more."""
        messages = until(lambda: found if len(found := self.mailbox(user)) >= count else [], within=within)
        assert len(messages) == count, f"{len(messages)} messages for {user} instead of {count}"
        return messages

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    def _prepare(self) -> None:
        directory = self.directory
        directory.chmod(0o755)
        for name, owner in _DIRECTORIES.items():
            (directory / name).mkdir(mode=0o755)
            shutil.chown(directory / name, owner)
        users = ", ".join(f"{{ {user}@{DOMAIN} = {user}/ }}" for user in USERS)
        main = _MAIN.format(directory=directory, daemons=self._daemons, hostname=HOSTNAME, domain=DOMAIN, users=users)
        if self._tls is not None:
            (directory / "certificate.pem").write_bytes(self._tls.pem)
            (directory / "key.pem").write_bytes(self._tls.key_pem)
            (directory / "key.pem").chmod(0o600)
            main += _TLS.format(directory=directory, level="encrypt" if self._encrypt else "may")
        (directory / "main.cf").write_text(main + self._settings.replace("{directory}", str(directory)))
        (directory / "master.cf").write_text(_MASTER.format(port=self.port))
        for file in directory.glob("*.cf"):
            os.utime(file, (0, 0))  # Postfix waits until a file has been left alone for some seconds

    def _master(self) -> int | None:
        """The process of the master daemon, if it lives."""
        try:
            number = int((self.directory / "queue" / "pid" / "master.pid").read_text())
            command = Path(f"/proc/{number}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return number if b"master" in command else None

    def _greets(self) -> bool:
        try:
            with Talk(self.port) as talk:
                return talk.answer().code == 220
        except OSError:
            return False


def _postconf(name: str) -> str:
    """A value that was compiled in."""
    done = subprocess.run(
        [peer("postfix").with_name("postconf"), "-dh", name], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def need_root() -> None:
    """The test is skipped, by name, where it may not; it fails in CI."""
    if os.geteuid() == 0:
        return
    if os.environ.get("CI") == "true":
        pytest.fail("this test needs root", pytrace=False)
    pytest.skip("this test needs root")
