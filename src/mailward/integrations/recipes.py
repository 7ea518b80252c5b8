"""What to write into the configuration of Postfix, Exim or Dovecot so that Mailward decides about its logins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailward.errors import InvalidConfig
from mailward.integrations.address import DoorAddress
from mailward.integrations.doors import DoorSettings

MECHANISMS: Final = ("PLAIN", "LOGIN", "SCRAM-SHA-256")
_QUEUE: Final = Path("/var/spool/postfix")


@dataclass(frozen=True, slots=True)
class Part:
    """`lines` for a file. settings: what the running server must then say of itself, by name."""

    file: str
    lines: tuple[str, ...]
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """user: whom the server runs as when it connects. doors: which of ours it uses, the one that decides first."""

    server: str
    user: str
    doors: tuple[str, ...]
    parts: tuple[Part, ...]


def recipe(server: str, settings: DoorSettings) -> Recipe:
    """For `postfix`, `exim` or `dovecot`. Raises InvalidConfig when the door it needs is not open."""
    return {"postfix": _postfix, "exim": _exim, "dovecot": _dovecot}[server](settings)


def _postfix(settings: DoorSettings) -> Recipe:
    addresses = settings.addresses()
    auth = _needed(addresses, "dovecot_auth", f"unix:{_QUEUE}/private/mailward-auth")
    sasl = (
        ("smtpd_sasl_auth_enable", "yes"),
        ("smtpd_sasl_type", "dovecot"),
        ("smtpd_sasl_path", _for_postfix(auth, bare=True)),
        ("smtpd_tls_auth_only", "yes"),
    )
    parts = [Part("main.cf", tuple(f"{name} = {value}" for name, value in sasl), sasl)]
    doors = ["dovecot_auth"]
    if "socketmap" in addresses:
        table = f"socketmap:{_for_postfix(addresses['socketmap'])}:senders"
        owners = ("smtpd_sender_login_maps", table)
        refused = ("smtpd_sender_restrictions", "reject_sender_login_mismatch")  # the table does nothing without it
        owned = (owners, refused)
        parts.append(Part("main.cf", tuple(f"{name} = {value}" for name, value in owned), owned))
        doors.append("socketmap")
    if "postfix_policy" in addresses:
        check = f"check_policy_service {_for_postfix(addresses['postfix_policy'])}"
        under = (
            "# under the services submission and submissions, never under the smtp of port 25:",
            f"  -o {{ smtpd_client_restrictions = {check} }}",
            "  -o smtpd_delay_reject=no",
        )
        parts.append(Part("master.cf", under))
        doors.append("postfix_policy")
    return Recipe("postfix", "postfix", tuple(doors), tuple(parts))


def _exim(settings: DoorSettings) -> Recipe:
    auth = _needed(settings.addresses(), "dovecot_auth", "unix:/run/mailward/auth")
    if auth.path is None:
        raise InvalidConfig(
            "doors.dovecot_auth: Exim asks at a Unix socket only",
            key="doors.dovecot_auth",
            advice='write "unix:/run/mailward/auth"',
        )
    lines: list[str] = ["auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}", "", "begin authenticators"]
    for name in MECHANISMS:
        lines += [
            f"mailward_{name.lower().replace('-', '_')}:",
            "  driver = dovecot",
            f"  public_name = {name}",
            f"  server_socket = {auth.path}",
            "  server_set_id = $auth1",
        ]
    expected = (("driver", "dovecot"), ("server_socket", str(auth.path)))
    return Recipe("exim", "Debian-exim", ("dovecot_auth",), (Part("exim4.conf", tuple(lines), expected),))


def _dovecot(settings: DoorSettings) -> Recipe:
    policy = _needed(settings.addresses(), "dovecot_policy", "127.0.0.1:7003")
    if policy.path is not None:
        raise InvalidConfig(
            "doors.dovecot_policy: Dovecot asks over TCP only",
            key="doors.dovecot_policy",
            advice='write "127.0.0.1:7003"',
        )
    url = ("auth_policy_server_url", f"http://{policy}/")
    lines = (
        f"{url[0]} = {url[1]}",
        f'auth_policy_server_api_header = "Authorization: Bearer <the line in {settings.token_file}>"',
        "auth_policy_hash_nonce = <any random text; keep it>",
        "auth_policy_reject_on_fail = no",
    )
    return Recipe("dovecot", "dovecot", ("dovecot_policy",), (Part("conf.d/90-mailward.conf", lines, (url,)),))


def _needed(addresses: dict[str, DoorAddress], door: str, example: str) -> DoorAddress:
    if door in addresses:
        return addresses[door]
    raise InvalidConfig(
        f"doors.{door} is not set: there is nothing to connect to",
        key=f"doors.{door}",
        advice=f'write in mailward.toml, under [doors]: {door} = "{example}"',
    )


def _for_postfix(address: DoorAddress, *, bare: bool = False) -> str:
    """Postfix's programs live in their queue directory, often changed into as their root: a path below it is relative.

    bare: as smtpd_sasl_path has it, without "unix:" where the path is relative.
    """
    if address.path is None:
        return f"inet:{address}"
    if address.path.is_relative_to(_QUEUE):
        relative = address.path.relative_to(_QUEUE)
        return str(relative) if bare else f"unix:{relative}"
    return f"unix:{address.path}"
