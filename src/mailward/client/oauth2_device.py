"""A human enters a code in a browser, on any device, while we ask now and then (RFC 8628)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mailward.client.oauth2_grant import refreshed, scoped
from mailward.errors import AuthUnavailable, ConnectError, ConnectionLost, DeadlineExceeded, TokenRefused
from mailward.net.awaiting import answer_of
from mailward.net.ports import too_late
from mailward.printable import printable
from mailward.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mailward.client.oauth2_endpoint import Endpoint, Field, Token
    from mailward.net.ports import Ports

_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_LOCAL_LINK: Final = re.compile(r"http://127\.0\.0\.1(?::[0-9]{1,5})?(?:/|$)")
_SLOWER: Final = 5.0  # seconds more between two questions (§3.5)
_LONGEST_PAUSE: Final = 60.0
_LONGEST_CODE: Final = 1800.0  # seconds for which a code is waited for, whatever the server says


@dataclass(frozen=True, slots=True)
class DevicePrompt:
    """What to tell the human: open `url`, enter `code`; `direct` is a URL that has the code in it, or "".

    `seconds`: how long the code is good.
    """

    url: str
    code: str
    direct: str
    seconds: float

    def __str__(self) -> str:
        return f"To allow sending mail, open {self.url} and enter {self.code}"


@dataclass(frozen=True, slots=True)
class _Asked:
    device_code: Secret
    interval: float
    prompt: DevicePrompt


@dataclass(frozen=True, slots=True)
class DeviceCode:
    endpoint: Endpoint
    device_url: str
    url: str
    scope: str | None
    prompt: Callable[[DevicePrompt], Awaitable[None] | None]

    @property
    def names(self) -> tuple[str, ...]:
        return (self.url, self.endpoint.client_id, self.scope or "")

    async def obtain(self, refresh: Secret | None, ports: Ports, *, until: float | None) -> Token:
        """A human is asked only where no refresh token is left that is good."""
        if refresh is not None:
            try:
                return await refreshed(self.endpoint, self.url, refresh, None, ports, until=until)
            except TokenRefused as error:
                if error.reason != "invalid_grant":
                    raise
        return await self._authorised(ports, until)

    async def _authorised(self, ports: Ports, until: float | None) -> Token:
        asked = await self._asked(ports, until)
        expires = ports.now() + asked.prompt.seconds
        within = None if until is None else max(0.0, until - ports.now())
        await answer_of(lambda: self.prompt(asked.prompt), ports, within=within, what="prompt=")
        pause = asked.interval
        while True:
            if until is not None and ports.now() + pause >= until:
                raise too_late("waiting for somebody to enter the code")
            await ports.sleep(pause)
            if ports.now() >= expires:
                raise _refused("expired_token", self.url)
            token, pause = await self._polled(asked.device_code, pause, ports, until)
            if token is not None:
                return token

    async def _polled(
        self, device_code: Secret, pause: float, ports: Ports, until: float | None
    ) -> tuple[Token | None, float]:
        fields: dict[str, Field] = {"grant_type": _GRANT, "device_code": device_code}
        try:
            return await self.endpoint.token(self.url, fields, ports, until=until), pause
        except TokenRefused as error:
            if error.reason not in ("authorization_pending", "slow_down"):
                raise
            return None, min(_LONGEST_PAUSE, pause + _SLOWER * (error.reason == "slow_down"))
        except (AuthUnavailable, ConnectError, ConnectionLost, DeadlineExceeded):
            if until is not None and ports.now() >= until:
                raise
            return None, min(_LONGEST_PAUSE, pause * 2)  # §3.5: back off, exponentially

    async def _asked(self, ports: Ports, until: float | None) -> _Asked:
        said = await self.endpoint.ask(self.device_url, scoped(self.scope), ports, until=until)
        asked = _read(said)
        if asked is None:
            said.clear()
            raise TokenRefused(
                f"{printable(self.device_url, 200)} gave no code to enter",
                phase="oauth2",
                advice="check device_url=, and that the client may use device codes",
            )
        return asked


def _read(said: dict[str, Any]) -> _Asked | None:
    """None for what cannot be shown to a human or sent again."""
    url = said.get("verification_uri") or said.get("verification_url")  # the second as Google names it
    direct = said.get("verification_uri_complete", "")
    device_code, code = said.get("device_code"), said.get("user_code")
    if not all(isinstance(each, str) and 0 < len(each) <= 2048 for each in (url, device_code, code)):
        return None
    if not _is_link(url) or not str(code).isprintable():
        return None
    seconds, interval = _number(said.get("expires_in"), 600.0), _number(said.get("interval"), 5.0)
    prompt = DevicePrompt(str(url), str(code), direct if _is_link(direct) else "", min(seconds, _LONGEST_CODE))
    return _Asked(Secret(str(device_code)), min(max(interval, 1.0), _LONGEST_PAUSE), prompt)


def _is_link(url: object) -> bool:
    if not (isinstance(url, str) and url.isprintable()):
        return False
    return url.startswith("https://") or bool(_LOCAL_LINK.match(url))


def _number(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) and 0 < value < 1e9 else otherwise


def _refused(reason: str, url: str) -> TokenRefused:
    error = TokenRefused(
        f"{printable(url, 200)} gave no access token: {reason}",
        phase="oauth2",
        advice="the code was not entered in time: begin again",
    )
    error.reason = reason
    return error
