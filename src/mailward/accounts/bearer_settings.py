"""How bearer tokens are judged: whose they must be, for whom, and where to ask (RFC 9068, RFC 7662)."""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mailward.errors import InputError
from mailward.printable import printable
from mailward.secret import Secret

# Each signs with a key that only the issuer has. "none" signs nothing, and HS256 and its kind sign with a key that
# whoever verifies could sign with too, or that is taken from a public key by mistake (RFC 8725 §2.1).
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)

_CLAIM = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")  # RFC 6749 §3.3


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerSettings:
    """issuer, audience: what a token's `iss` and `aud` must say. scopes: all of these must be granted.

    account_claim: which claim names the account. jwks: where the issuer's keys are, empty to be found by discovery.
    introspection: where every token is asked about (RFC 7662) in the place of keys, with client_id and client_secret.
    leeway: seconds by which clocks may differ. timeout: seconds for one answer. ca: PEM file of a private CA.
    insecure_http: URLs of loopback addresses may be http. Raises InputError for what cannot be meant.
    """

    issuer: str
    audience: str
    scopes: frozenset[str] = frozenset()
    account_claim: str = "email"
    jwks: str = ""
    introspection: str = ""
    client_id: str = ""
    client_secret: Secret | None = field(default=None, repr=False)
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256", "EdDSA")
    leeway: float = 30.0
    timeout: float = 5.0
    ca: str | None = None
    insecure_http: bool = False

    def __post_init__(self) -> None:
        self._check_urls()
        self._check_claims()
        self._check_client()
        _within("leeway", self.leeway, 0, 300)
        _within("timeout", self.timeout, 0.1, 10)

    def _check_urls(self) -> None:
        for key in ("issuer", "jwks", "introspection"):
            if key == "issuer" or getattr(self, key):
                check_url(key, getattr(self, key), insecure_http=self.insecure_http)
        if "?" in self.issuer:
            raise _wrong("issuer", "it has a query, and an issuer has none (RFC 8414 §2)")
        if self.jwks and self.introspection:
            raise _wrong("jwks", "tokens are judged by jwks or by introspection, not by both")

    def _check_claims(self) -> None:
        if not self.audience.isprintable() or not 0 < len(self.audience) <= 256:
            raise _wrong("audience", "it is empty, too long or not printable")
        if not _CLAIM.fullmatch(self.account_claim):
            raise _wrong("account_claim", "it is no claim's name, such as email or preferred_username")
        if not all(map(_SCOPE.fullmatch, self.scopes)):
            raise _wrong("scope", "scopes are words with one space between")
        strangers = sorted(set(self.algorithms) - ALGORITHMS)
        if strangers or not self.algorithms:
            wanted = ", ".join(sorted(ALGORITHMS))
            raise _wrong("algorithms", f"{printable(', '.join(strangers), 100) or 'nothing'}: only {wanted} can be")

    def _check_client(self) -> None:
        if not self.introspection:
            return
        if not self.client_id or not self.client_secret:
            raise _wrong("client_id", "introspection needs client_id and client_secret_file")
        if not self.client_id.isprintable() or len(self.client_id) > 256:
            raise _wrong("client_id", "it is too long or not printable")


def check_url(key: str, url: str, *, insecure_http: bool) -> None:
    """InputError unless it is https, or http on a loopback address where that is allowed."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _wrong(key, "it is no URL") from None
    if not host or not url.isascii() or not url.isprintable() or " " in url or len(url) > 2048:
        raise _wrong(key, "it is no URL")
    if parts.username is not None or parts.password is not None or "#" in url:
        raise _wrong(key, "it has a user, a password or a fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and insecure_http and _loopback(host)):
        raise _wrong(key, "it is not https", advice="insecure_http = true allows http, on loopback addresses only")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _within(key: str, value: float, least: float, most: float) -> None:
    if not math.isfinite(value) or not least <= value <= most:
        raise _wrong(key, f"it is not within {least} and {most} seconds")


def _wrong(key: str, why: str, *, advice: str = "") -> InputError:
    return InputError(f"oauth2.{key}: {why}", phase="config", advice=advice or None)
