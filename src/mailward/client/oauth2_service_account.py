"""A Google service account: a signed assertion in the place of a human (RFC 7523 §2.1)."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mailward.client.private_file import private_octets
from mailward.errors import InputError
from mailward.printable import printable
from mailward.secret import Secret

if TYPE_CHECKING:
    from mailward.client.oauth2_endpoint import Endpoint, Field, Token
    from mailward.net.ports import Ports

_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE: Final = 600  # seconds for which an assertion is good; Google takes an hour at the most


@dataclass(frozen=True, slots=True)
class AccountKey:
    """What the JSON file of a service account holds."""

    email: str
    key_id: str
    private_key: Secret
    token_url: str

    @classmethod
    def read(cls, path: str) -> AccountKey:
        """Raises InputError, which shows nothing of the file."""
        octets = private_octets(path, what="the service account's key")
        key = _parsed(octets)
        del octets
        if key is None:
            raise InputError(
                f"{printable(path, 200)} is no key of a service account",
                phase="options",
                advice="download one as JSON, with client_email, private_key and token_uri",
            )
        return key


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """`subject`: the user for whom mail is sent; an administrator has allowed it to the account (domain-wide)."""

    endpoint: Endpoint
    url: str
    key: AccountKey
    subject: str
    scope: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.url, self.key.email, self.scope)

    async def obtain(self, refresh: Secret | None, ports: Ports, *, until: float | None) -> Token:  # noqa: ARG002
        now = int(ports.utc().timestamp())
        assertion = await ports.compute(lambda: self._assertion(now))
        fields: dict[str, Field] = {"grant_type": _GRANT, "assertion": assertion}
        return await self.endpoint.token(self.url, fields, ports, until=until)

    def _assertion(self, now: int) -> Secret:
        """A JWT by RS256 (RFC 7515 §7.1, RFC 7518 §3.3)."""
        claims = {
            "iss": self.key.email,
            "sub": self.subject,
            "scope": self.scope,
            "aud": self.url,
            "iat": now,
            "exp": now + _LIFE,
        }
        said = f"{_segment({'alg': 'RS256', 'typ': 'JWT', 'kid': self.key.key_id})}.{_segment(claims)}"
        return Secret(f"{said}.{_coded(_signature(self.key.private_key, said.encode()))}")


def _signature(private_key: Secret, data: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415  # takes tens of milliseconds to load
    from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        key = load_pem_private_key(private_key.reveal().encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise InputError("the service account's private_key is no RSA key in PEM", phase="oauth2")
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _parsed(octets: bytes) -> AccountKey | None:
    try:
        said = json.loads(octets)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    names = ("client_email", "private_key_id", "private_key", "token_uri")
    email, key_id, private_key, url = (said.get(name) for name in names)
    if not all(isinstance(each, str) and each for each in (email, key_id, private_key, url)):
        return None
    return AccountKey(str(email), str(key_id), Secret(str(private_key)), str(url))


def _segment(value: dict[str, Any]) -> str:
    return _coded(json.dumps(value, separators=(",", ":")).encode())


def _coded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
