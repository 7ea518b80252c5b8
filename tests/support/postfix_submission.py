"""A Postfix that takes logins too, by Cyrus SASL, and offers less to some of the loopback addresses.

with PostfixSubmission() as postfix:
    Client("127.0.0.1", postfix.port, auth=postfix.login, local_address=WITHOUT_CHUNKING)
"""

from __future__ import annotations

import shutil
import subprocess

from tests.support.certificates import good
from tests.support.peers import peer
from tests.support.postfix import DOMAIN, HOSTNAME, Postfix

WITH_EVERYTHING = "127.0.0.1"
WITHOUT_CHUNKING = "127.0.0.2"
WITHOUT_PIPELINING = "127.0.0.3"
WITHOUT_8BITMIME = "127.0.0.4"
WITHOUT_SIZE = "127.0.0.5"

_SETTINGS = """\
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {directory}/sasl
smtpd_sasl_local_domain = postfix.test
smtpd_sasl_security_options = noanonymous
smtpd_tls_auth_only = yes
smtpd_discard_ehlo_keyword_address_maps = inline:{
    { 127.0.0.2 = chunking }
    { 127.0.0.3 = chunking pipelining }
    { 127.0.0.4 = 8bitmime smtputf8 dsn chunking }
    { 127.0.0.5 = size } }
smtpd_forbid_unauth_pipelining = yes
smtpd_forbid_bare_newline = yes
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 20
message_size_limit = 50331648
virtual_alias_maps = inline:{
    { jörg@inbox.test = carol@inbox.test }
    { carol@xn--bcher-kva.test = carol@inbox.test }
    { carol@bücher.test = carol@inbox.test }
    { dave@inbox.test = dave@gone.test } }
virtual_alias_domains = xn--bcher-kva.test
transport_maps = inline:{ { gone.test = error:5.7.1 dave takes no mail } }
"""
_SASL = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {database}
mech_list: PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256
"""


class PostfixSubmission(Postfix):
    """STARTTLS is required. `login`: of its account."""

    login = (f"ann@{HOSTNAME}", "correct horse, not battery")

    def __init__(self) -> None:
        super().__init__(tls=good(), encrypt=True, settings=_SETTINGS)
        self._program = peer("sasldb")

    @property
    def refused_logins(self) -> list[str]:
        """What its log tells of them."""
        return [line for line in self.log.splitlines() if "authentication failed" in line]

    def arrived(self, user: str) -> int:
        """How many messages `user` has, without reading them."""
        new = self.directory / "mail" / user / "new"
        return len(list(new.iterdir())) if new.is_dir() else 0

    def _prepare(self) -> None:
        super()._prepare()
        folder = self.directory / "sasl"
        folder.mkdir(mode=0o755)
        database = folder / "sasldb"
        (folder / "smtpd.conf").write_text(_SASL.format(database=database))
        user, password = self.login
        subprocess.run(
            [self._program, "-p", "-c", "-f", database, "-u", HOSTNAME, user.partition("@")[0]],
            check=True,
            input=password.encode(),
            timeout=20,
        )
        shutil.chown(database, "postfix")


INBOX = DOMAIN
