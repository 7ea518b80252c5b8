"""What a token says, held against what it must say (RFC 7519 §4.1, RFC 9068 §4, RFC 8725)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mailward.accounts.account import canonical
from mailward.accounts.bearer_settings import BearerSettings
from mailward.errors import BadCredentials, InputError

_LAST_MOMENT = 253_402_300_800  # the year 10000: a number beyond it is no date


@dataclass(frozen=True, slots=True)
class BearerAnswer:
    """account: canonical. expires: Unix seconds; the end the token has."""

    account: str
    issuer: str
    scopes: frozenset[str]
    expires: float


class BadToken(BadCredentials):
    """The token opens nothing. `reason`: why, in words for the operator; it holds nothing of the token."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the bearer token is refused: {reason}", phase="auth")
        self.reason = reason


def judged(claims: Mapping[str, object], settings: BearerSettings, now: float) -> BearerAnswer:
    """Of a token whose claims are known to be its issuer's. Raises BadToken."""
    if claims.get("iss") != settings.issuer:
        raise BadToken("it is of another issuer")
    _check_audience(claims.get("aud"), settings.audience)
    expires = _check_times(claims, settings.leeway, now)
    scopes = _scopes(claims)
    if not settings.scopes <= scopes:
        raise BadToken("it does not grant the scope")
    if claims.get("cnf") is not None:
        raise BadToken("it is bound to a key, and a bearer has to prove none (RFC 7800)")
    return BearerAnswer(_account(claims, settings.account_claim), settings.issuer, scopes, expires)


def _check_audience(audience: object, wanted: str) -> None:
    """A token for somebody else opens nothing here, or everyone who is shown one could use it (RFC 8725 §3.9)."""
    listed = audience if isinstance(audience, list) else [audience]
    if wanted not in listed:
        raise BadToken("it is for another audience")


def _check_times(claims: Mapping[str, object], leeway: float, now: float) -> float:
    expires = _moment(claims, "exp")
    if expires is None:
        raise BadToken("it never expires")
    if now >= expires + leeway:
        raise BadToken("it has expired")
    not_before, issued = _moment(claims, "nbf"), _moment(claims, "iat")
    if not_before is not None and now < not_before - leeway:
        raise BadToken("it is not valid yet")
    if issued is not None and now < issued - leeway:
        raise BadToken("it was issued in the future")
    return expires


def _moment(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LAST_MOMENT:
        raise BadToken(f"its {name} is no date")
    return float(value)


def _scopes(claims: Mapping[str, object]) -> frozenset[str]:
    """`scope` (RFC 8693 §4.2), or `scp` as some issuers call it: words in one text or in a list."""
    granted = claims.get("scope", claims.get("scp", ""))
    if isinstance(granted, str):
        return frozenset(granted.split())
    if isinstance(granted, list):
        return frozenset(scope for scope in granted if isinstance(scope, str))
    raise BadToken("its scope is no text")


def _account(claims: Mapping[str, object], claim: str) -> str:
    name = claims.get(claim)
    if not isinstance(name, str) or not name:
        raise BadToken(f"it has no {claim}, which would name the account")
    if claim == "email" and claims.get("email_verified", True) is not True:
        raise BadToken("its issuer has not verified the e-mail address")  # anybody may have typed it in
    try:
        return canonical(name)
    except InputError:
        problem = BadToken(f"its {claim} can be no account's name")
    raise problem
