"""An OpenLDAP server of the tests' own on loopback, with TLS; its database is in one directory, thrown away."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self
from urllib.parse import quote

from tests.support.certificates import authority, issue
from tests.support.installation import free_port, until
from tests.support.peers import peer

SUFFIX = "dc=example,dc=test"
PEOPLE = f"ou=people,{SUFFIX}"
SERVICE, SERVICE_PASSWORD = f"cn=mailward,{SUFFIX}", "service of nobody"
PASSWORDS = {"ann": "four words of ann", "bob": "four words of bob", "o'(star*)\\": "a name of signs only"}

_CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {directory}/slapd.pid
TLSCertificateFile {directory}/certificate.pem
TLSCertificateKeyFile {directory}/key.pem
disallow bind_anon
require authc
database mdb
suffix "{suffix}"
directory {directory}/data
rootdn "{service}"
rootpw "{password}"
access to attrs=userPassword by anonymous auth by * none
access to * by users read by anonymous auth
"""
_LDIF = """\
dn: {suffix}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: {people}
objectClass: organizationalUnit
ou: people

dn: uid=ann,{people}
objectClass: inetOrgPerson
uid: ann
cn: Ann
sn: A
mail: ann@example.test
mail: sales@example.test
userPassword: {ann}

dn: uid=bob,{people}
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: B
mail: bob@example.test
employeeType: yes
departmentNumber: 192.0.2.0/24
userPassword: {bob}

dn: uid=o'(star*)\\5c,{people}
objectClass: inetOrgPerson
uid: o'(star*)\\
cn: Signs
sn: S
mail: signs@example.test
userPassword: {signs}
"""


class Slapd:
    """`ldaps`, `ldap`, `ldapi`: its URLs. `ca`: the file of the authority that issued its certificate."""

    def __enter__(self) -> Self:
        self._program = peer("slapd")
        self.directory = Path(tempfile.mkdtemp(prefix="mailward-slapd-"))
        self.ldaps = f"ldaps://127.0.0.1:{free_port()}"
        self.ldap = f"ldap://127.0.0.1:{free_port()}"
        self.ldapi = f"ldapi://{quote(str(self.directory / 'socket'), safe='')}"
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._prepare()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
        shutil.rmtree(self.directory)

    @property
    def ca(self) -> str:
        return str(self.directory / "ca.pem")

    @property
    def secret(self) -> str:
        return str(self.directory / "secret")

    def start(self) -> None:
        command = [str(self._program), "-d", "0", "-f", str(self.directory / "slapd.conf"), "-h"]
        command.append(f"{self.ldaps} {self.ldap} {self.ldapi}")
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: _listens(self.ldaps) and _listens(self.ldap))

    def stop(self) -> None:
        """Safe to call twice."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(15)
            self._process = None

    def _prepare(self) -> None:
        pair = issue()
        for name, content in (("certificate", pair.pem), ("key", pair.key_pem), ("ca", authority().pem)):
            (self.directory / f"{name}.pem").write_bytes(content)
        (self.directory / "data").mkdir()
        secret = self.directory / "secret"
        secret.write_text(SERVICE_PASSWORD + "\n")
        secret.chmod(0o600)
        values = {"directory": self.directory, "suffix": SUFFIX, "service": SERVICE, "password": SERVICE_PASSWORD}
        (self.directory / "slapd.conf").write_text(_CONFIG.format(**values))
        people = dict(zip(("ann", "bob", "signs"), PASSWORDS.values(), strict=True))
        command = [str(self._program.with_name("slapadd")), "-q", "-f", str(self.directory / "slapd.conf")]
        ldif = _LDIF.format(suffix=SUFFIX, people=PEOPLE, **people)
        done = subprocess.run(command, check=False, input=ldif, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr


def _listens(url: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 1).close()
    except OSError:
        return False
    return True
