"""Postfix, an instance of its own in a folder of its own: it takes mail, syncs it to its queue and holds it there.

What it would spend on more than that is turned off: no look-up of names, no waiting for the queue manager, no TLS.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers.running import Running, files_in
from benchmarks.program import SEARCH, Program, free_port

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
myhostname = localhost.example.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
multi_instance_enable = no
alias_maps =
alias_database =
local_recipient_maps =
default_transport = discard
smtpd_peername_lookup = no
smtpd_client_restrictions = check_client_access static:HOLD
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_tls_security_level = none
smtpd_tls_session_cache_database =
in_flow_delay = 0
default_process_limit = 150
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


@contextmanager
def postfix(folder: Path) -> Iterator[Running]:
    port = free_port()
    settings, data = folder / "etc", folder / "data"
    settings.mkdir()
    data.mkdir()
    shutil.chown(data, "postfix")
    (folder / "queue").mkdir()
    (settings / "main.cf").write_text(_MAIN.format(folder=folder))
    (settings / "master.cf").write_text(_MASTER.format(port=port))
    with Program(["postfix", "-c", str(settings), "start-fg"], log=folder / "log") as program:
        program.greets(port)
        yield Running(program, port, lambda: files_in(folder / "queue" / "hold"))


def version() -> str:
    command = ["postconf", "-d", "-h", "mail_version"]
    program = shutil.which(command[0], path=SEARCH)
    if program is None:
        return ""
    return subprocess.run([program, *command[1:]], check=True, capture_output=True, text=True).stdout.strip()
