"""One question to a token endpoint, and its answer: a token, or what is wrong and what to do (RFC 6749 §5)."""

from __future__ import annotations

import base64
import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeGuard
from urllib.parse import quote_plus, urlencode

from mailward.client.authenticate import without_trace
from mailward.client.authorities import trusting
from mailward.errors import AuthUnavailable, MailwardError, TokenRefused
from mailward.net.https import request
from mailward.net.ports import too_late
from mailward.printable import printable
from mailward.secret import Secret

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from mailward.client.authorities import Ca
    from mailward.net.https import HttpAnswer
    from mailward.net.ports import Ports

Field: TypeAlias = str | Secret
ClientAuth: TypeAlias = Literal["basic", "post"]

_LONGEST: Final = 30.0  # seconds for one question
_MOST_TOKEN: Final = 12_288  # octets an AUTH exchange can carry
_REASON: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,60}")
_LATER: Final = frozenset({"temporarily_unavailable", "server_error"})
_ADVICE: Final = {
    "invalid_grant": "the refresh token is expired, revoked or of another client: authorise this program again",
    "invalid_client": "check client_id and client_secret; a client secret expires too",
    "unauthorized_client": "allow this way to get a token for the client, where it is registered",
    "unsupported_grant_type": "allow this way to get a token for the client, where it is registered",
    "invalid_scope": "check scope=, and that the client has been granted it",
    "access_denied": "whoever was asked said no: authorise this program again",
    "expired_token": "the code was not entered in time: begin again",
    "interaction_required": "a human must agree once more: authorise this program again, with OAuth2.device_code",
}
_OTHERWISE: Final = "see what the authorization server says"


@dataclass(frozen=True, slots=True)
class Token:
    """`until`: when it expires, in seconds of the epoch; None where nobody said. `refresh`: the next refresh token."""

    access: Secret
    until: float | None = None
    refresh: Secret | None = None
    lifetime: float | None = None

    def is_fresh(self, now: float) -> bool:
        """With a minute to spare, or a tenth of its life if that is less: the login must end before it expires."""
        if self.until is None:
            return True
        margin = 60.0 if self.lifetime is None else min(60.0, self.lifetime / 10)
        return now < self.until - margin


class Endpoint:
    """An authorization server as one client of it sees it.

    client_id: "" where the request itself says whose it is. client_auth: where the client's secret stands: in the
    Authorization header or in the form (RFC 6749 §2.3.1).
    """

    def __init__(
        self, client_id: str, client_secret: Secret | None, *, ca: Ca | None = None, client_auth: ClientAuth = "basic"
    ) -> None:
        self.client_id = client_id
        self._client_secret = client_secret
        self._client_auth = client_auth
        self._ca = ca
        self._made: ssl.SSLContext | None = None

    async def token(self, url: str, fields: Mapping[str, Field], ports: Ports, *, until: float | None) -> Token:
        """Raises TokenRefused, AuthUnavailable, and what `ask` raises."""
        answer = await self.ask(url, fields, ports, until=until)
        token = _token(answer, ports.utc().timestamp())
        if token is not None:
            return token
        answer.clear()
        raise TokenRefused(
            f"{printable(url, 200)} gave no bearer token",
            phase="oauth2",
            advice="check that this is the URL of the token endpoint",
        )

    async def ask(self, url: str, fields: Mapping[str, Field], ports: Ports, *, until: float | None) -> dict[str, Any]:
        """Raises TokenRefused, AuthUnavailable, ConnectError, TlsError, DeadlineExceeded; none shows a secret."""
        within = _LONGEST if until is None else min(_LONGEST, until - ports.now())
        try:
            if within <= 0:
                raise too_late("waiting for the token endpoint")
            answer = await self._post(url, fields, ports, within)
        except MailwardError as error:
            failure = _located(error, url)
        else:
            said = _json(answer)
            if answer.status == 200 and said is not None and "error" not in said:
                return said
            failure = _refusal(url, answer.status, said or {}, self._secrets(fields))
            del answer, said
        raise failure

    async def _post(self, url: str, fields: Mapping[str, Field], ports: Ports, within: float) -> HttpAnswer:
        return await request(
            ports,
            url,
            method="POST",
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
                **self._authorization(),
            },
            body=self._form(fields),
            within=within,
            context=self._context(),
        )

    def _authorization(self) -> dict[str, str]:
        if self._client_secret is None or self._client_auth == "post":
            return {}
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self._client_secret.reveal())}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def _form(self, fields: Mapping[str, Field]) -> bytes:
        form = {name: value.reveal() if isinstance(value, Secret) else value for name, value in fields.items()}
        if self.client_id and (self._client_secret is None or self._client_auth == "post"):
            form["client_id"] = self.client_id
        if self._client_secret is not None and self._client_auth == "post":
            form["client_secret"] = self._client_secret.reveal()
        return urlencode(form).encode()

    def _secrets(self, fields: Mapping[str, Field]) -> list[Secret]:
        given = [value for value in fields.values() if isinstance(value, Secret)]
        return given if self._client_secret is None else [*given, self._client_secret]

    def _context(self) -> ssl.SSLContext:
        if self._made is None:
            self._made = trusting(self._ca)
        return self._made


def _json(answer: HttpAnswer) -> dict[str, Any] | None:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _token(said: dict[str, Any], now: float) -> Token | None:
    access, kind = said.get("access_token"), said.get("token_type", "Bearer")
    if not _is_token(access) or not isinstance(kind, str) or kind.lower() != "bearer":
        return None
    refresh = said.get("refresh_token")
    lifetime = _seconds(said.get("expires_in"))
    return Token(
        Secret(access),
        None if lifetime is None else now + lifetime,
        Secret(refresh) if _is_token(refresh) else None,
        lifetime,
    )


def _is_token(text: object) -> TypeGuard[str]:
    return isinstance(text, str) and 0 < len(text) <= _MOST_TOKEN and text.isascii() and text.isprintable()


def _seconds(value: object) -> float | None:
    """Some servers say the number as a text."""
    try:
        seconds = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):  # a whole number may be too great for a float
        return None
    return seconds if 0 <= seconds < math.inf else None


def _located(error: MailwardError, url: str) -> MailwardError:
    """The same error, which says where; without the frames, whose variables are what was sent."""
    error.message = f"{error.message} (asking {printable(url, 200)} for an access token)"
    error.args = (error.message,)
    error.phase = "oauth2"
    return without_trace(error)


def _refusal(url: str, status: int, said: Mapping[str, Any], secrets: list[Secret]) -> MailwardError:
    reason = _without(secrets, said.get("error"))
    if not _REASON.fullmatch(reason):
        reason = ""
    words = _without(secrets, said.get("error_description"))
    told = ": ".join(each for each in (reason or f"HTTP {status}", printable(words, 300)) if each)
    message = f"{printable(url, 200)} gave no access token: {told}"
    if reason in _LATER or (not reason and (status >= 500 or status == 429)):
        return AuthUnavailable(message, phase="oauth2", advice="wait, and try again")
    error = TokenRefused(message, phase="oauth2", advice=_advice(reason, words))
    error.reason = reason
    return error


def _without(secrets: list[Secret], words: object) -> str:
    """The server's words, or nothing where they repeat what we sent."""
    if not isinstance(words, str) or any(secret and secret.reveal() in words for secret in secrets):
        return ""
    return words


def _advice(reason: str, words: str) -> str:
    if "AADSTS7000222" in words:
        return "the client secret has expired: make a new one in Microsoft Entra, where the application is registered"
    if "AADSTS65001" in words:
        return "in Microsoft Entra, an administrator must grant the application SMTP.SendAsApp or SMTP.Send"
    return _ADVICE.get(reason, _OTHERWISE)
