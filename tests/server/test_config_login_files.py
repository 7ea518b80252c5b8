"""The files that the sections about logins name, looked at before anything is served."""

from __future__ import annotations

import base64
import io
import subprocess
from pathlib import Path

import pytest

from mailward.accounts.breached_build import build
from mailward.server import config
from tests.support.certificates import authority
from tests.support.geo_database import write_database
from tests.support.installation import COMMAND

HEAD = 'hostname = "mail.example.test"\nstate = "state"\n[[listener]]\naddress = "127.0.0.1:0"\ntls = "implicit"\n'
OAUTH2 = '[oauth2]\nissuer = "https://id.example.test"\naudience = "mailward"\n'
SSHA = "{SSHA}" + base64.b64encode(b"d" * 20 + b"salt").decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Everything that is right."""
    (tmp_path / "ca.pem").write_bytes(authority().pem)
    (tmp_path / "office.cidr").write_text("192.0.2.0/24\n")
    (tmp_path / "bad.cidr").write_text("nonsense\n")
    write_database(tmp_path / "places.mmdb", {"192.0.2.0/24": {"country": {"iso_code": "DE"}}}, kind="Country")
    build(io.BytesIO(b"otter\nheron\n"), tmp_path / "words.filter")
    for name, text in (("token", "0123456789" * 3), ("secret", "s3cret"), ("users", f"ann@example.test:{SSHA}\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    return tmp_path


def faults(folder: Path, text: str) -> list[str]:
    above = HEAD.count("\n")
    errors = config.check(HEAD + text, str(folder / "mailward.toml"))
    return [f"{(error.line or 0) - above}: {error.message.partition(': ')[2]}" for error in errors]


EVERY_FILE = f"""
[allowlist]
networks = ["file:office.cidr", "country:DE"]
never_ban = ["file:office.cidr"]
geo_database = "places.mmdb"
[passwords]
breached_files = ["words.filter"]
[doors]
http_api = "127.0.0.1:0"
token_file = "token"
{OAUTH2}
introspection = "https://id.example.test/introspect"
client_id = "us"
client_secret_file = "secret"
ca = "ca.pem"
[client_certificates]
ca = "ca.pem"
[[account_source]]
kind = "passwd-file"
path = "users"
[[account_source]]
kind = "http"
url = "https://accounts.example.test/"
token_file = "secret"
ca = "ca.pem"
[account."ann@example.test"]
allow_from = ["192.0.2.0/24"]
"""


def test_files_that_fit(folder: Path) -> None:
    """Found beside the configuration, each of its kind, and none is changed by looking."""
    before = {path: path.read_bytes() for path in folder.iterdir()}

    assert faults(folder, EVERY_FILE) == []
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.e2e
def test_check_config_takes_them_all(folder: Path) -> None:
    """`mailward check-config` finds no fault in a file with every section."""
    file = folder / "mailward.toml"
    file.write_text(HEAD + EVERY_FILE)
    command = [COMMAND, "check-config", str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "text, told",
    [
        ('[allowlist]\nnetworks = ["::/0", "file:absent"]', "2: allowlist.networks[1]:"),
        ('[allowlist]\nnever_ban = ["file:bad.cidr"]', "2: allowlist.never_ban[0]:"),
        ('[allowlist]\ngeo_database = "secret"\nblocked = ["asn:5"]', "3: allowlist.blocked[0]:"),
        ('[passwords]\nbreached_files = ["words.filter", "secret"]', "2: passwords.breached_files[1]:"),
        ('[passwords]\nbreached_files = ["absent"]', "2: passwords.breached_files[0]:"),
        ('[doors]\ntoken_file = "absent"', "2: doors.token_file:"),
        ('[doors]\ntoken_file = "secret"', "2: doors.token_file:"),
        ('[doors]\ntoken_file = "ca.pem"', "2: doors.token_file:"),
        (OAUTH2 + 'ca = "secret"', "4: oauth2.ca:"),
        (OAUTH2 + 'ca = "absent"', "4: oauth2.ca:"),
        (OAUTH2 + 'client_secret_file = "ca.pem"', "4: oauth2.client_secret_file:"),
        ('[client_certificates]\nca = "secret"', "2: client_certificates.ca:"),
        ('[client_certificates]\nca = "/dev/zero"', "2: client_certificates.ca:"),
        ('[[account_source]]\nkind = "passwd-file"\npath = "absent"', "3: account_source[0].path:"),
        ('[[account_source]]\nkind = "passwd-file"\npath = "secret"', "3: account_source[0].path:"),
        ('[[account_source]]\nkind = "sqlite"\npath = "users"\nquery = "SELECT 1"', "4: account_source[0].query:"),
        ('[[account_source]]\nkind = "http"\nurl = "http://192.0.2.1/"', "3: account_source[0].url:"),
        (
            '[[account_source]]\nkind = "http"\nurl = "https://a.test/"\ntoken_file = "ca.pem"',
            "4: account_source[0].to",
        ),
        ('[[account_source]]\nkind = "pam"\nservice = "../mailward"', "3: account_source[0].service:"),
    ],
)
def test_files_that_do_not(folder: Path, text: str, told: str) -> None:
    """What is absent, of another kind, or open to others where it is secret: told at its line, without a secret."""
    (fault, *more) = faults(folder, text)

    assert fault.startswith(told)
    assert more == []
    assert "s3cret" not in fault


def test_a_bad_line_of_a_list_is_told(folder: Path) -> None:
    """The file and the line of each, and all of them at once."""
    (folder / "office.cidr").write_text("192.0.2.0/24\nnonsense\n192.0.2.1/24\n")

    found = faults(folder, '[allowlist]\nblocked = ["file:office.cidr"]')

    assert [fault.partition(": ")[0] for fault in found] == ["2", "2"]
    assert [f"office.cidr:{line}" in fault for line, fault in zip((2, 3), found, strict=True)] == [True, True]


def test_a_secret_that_others_can_read(folder: Path) -> None:
    """Is no secret."""
    (folder / "token").chmod(0o644)

    (fault,) = faults(folder, '[doors]\nhttp_api = "127.0.0.1:0"\ntoken_file = "token"')
    assert "open to others" in fault
