"""An Exim that keeps what it is sent in mailboxes, and offers less to some of the loopback addresses.

with EximInbox() as exim:
    ...                                  # deliver to bob@inbox.test or carol@inbox.test at 127.0.0.1, exim.port
    exim.mailbox("bob")
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from tests.support.certificates import good
from tests.support.exim import GROUP, USER, Exim

WITH_CHUNKING = "127.0.0.1"
WITHOUT_CHUNKING = "127.0.0.2"

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
chunking_advertise_hosts = ! 127.0.0.2
pipelining_advertise_hosts = *
acl_smtp_rcpt = check_rcpt
acl_smtp_data = accept
host_lookup =
rfc1413_hosts =
keep_environment =
exim_path = {directory}/exim
add_environment = PATH=/usr/sbin:/usr/bin:/sbin:/bin
never_users =
deliver_drop_privilege = true
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 0

begin acl
check_rcpt:
  accept domains = inbox.test
         local_parts = bob : carol
  deny message = unknown user

begin routers
mailbox:
  driver = accept
  local_parts = bob : carol
  transport = mailbox

begin transports
mailbox:
  driver = appendfile
  maildir_format
  directory = {directory}/mail/$local_part_data
  create_directory
  user = nobody
"""


class EximInbox(Exim):
    configuration = _CONFIGURATION

    def __init__(self) -> None:
        super().__init__(Path(), tls=good())

    def mailbox(self, user: str) -> list[bytes]:
        """The octets of what was delivered; their lines end with LF."""
        new = self.directory / "mail" / user / "new"
        return [file.read_bytes() for file in new.iterdir()] if new.is_dir() else []

    def _prepare(self) -> None:
        super()._prepare()
        (self.directory / "mail").mkdir()
        os.chown(self.directory / "mail", USER, GROUP)
        copy = self.directory / "exim4"  # not set-uid, so that it heeds LD_LIBRARY_PATH
        shutil.copyfile(self._program, copy)
        program = self.directory / "exim"  # by which it starts itself to deliver, without its environment
        names = ("LD_LIBRARY_PATH", "LD_PRELOAD", "NSS_WRAPPER_PASSWD", "NSS_WRAPPER_GROUP")
        exports = [f"export {name}={shlex.quote(self._environment()[name])}" for name in names]
        program.write_text("\n".join(["#!/bin/sh", *exports, f'exec {shlex.quote(str(copy))} "$@"', ""]))
        for file in (copy, program):
            file.chmod(0o755)
