"""Accounts behind an HTTP endpoint: the name and the password as JSON, over TLS, and a verdict back."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from mailward.accounts.sources.extra import load
from mailward.accounts.sources.secret_file import read_secret
from mailward.accounts.sources.source import (
    UNKNOWN,
    Question,
    SourceAnswer,
    SourceSettings,
    answer,
    bad_answer,
    needed,
    out_of_order,
)
from mailward.accounts.sources.trust import trusting

if TYPE_CHECKING:
    import httpx2

MOST_OCTETS = 64 * 1024
_OF_THE_QUESTION = frozenset({400, 404, 410, 413, 414, 422, 431})  # RFC 9110 §15.5: it works, and does not want this


@dataclass(frozen=True, kw_only=True)
class HttpSettings(SourceSettings):
    """url: https; http only to a loopback address with `insecure_plaintext`. token_file: a bearer token (RFC 6750)."""

    name: str = "http"
    url: str
    token_file: str = ""
    ca: str = ""
    insecure_plaintext: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """The body of the answer 200. `ok`: the password is right. `account`: null, nobody has this name; absent, the name
    that was asked about."""

    ok: bool
    account: str | msgspec.UnsetType | None = msgspec.UNSET
    senders: list[str] = []
    allow_from: list[str] = []
    disabled: bool = False


class Http:
    """Redirects are not followed, proxies of the environment not used; any status but 200 is no answer."""

    def __init__(self, settings: HttpSettings) -> None:
        _check(settings)
        self._library = load("httpx2", kind="http", extra="http")
        self._settings = settings
        self._tls = trusting("http", settings.ca)
        self._client: httpx2.AsyncClient | None = None

    async def ask(self, question: Question) -> SourceAnswer:
        status, body = await self._post(question)
        if len(body) > MOST_OCTETS:
            raise out_of_order(self._settings.name, f"its answer is longer than {MOST_OCTETS >> 10} KiB")
        if status in _OF_THE_QUESTION:
            raise bad_answer(self._settings.name, f"status {status}")
        if status != 200:
            raise out_of_order(self._settings.name, f"status {status}")
        try:
            verdict = msgspec.json.decode(body, type=Verdict)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise out_of_order(self._settings.name, "its answer is not the JSON that was agreed on") from None
        return self._answer(question, verdict)

    def faults(self) -> tuple[str, ...]:
        return ()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _answer(self, question: Question, verdict: Verdict) -> SourceAnswer:
        if verdict.account is None:
            if verdict.ok:
                raise bad_answer(self._settings.name, "the password of nobody is right")
            return UNKNOWN
        return answer(
            self._settings.name,
            question.name if verdict.account is msgspec.UNSET else str(verdict.account),
            right=verdict.ok,
            senders=verdict.senders,
            allow_from=verdict.allow_from,
            disabled=verdict.disabled,
        )

    async def _post(self, question: Question) -> tuple[int, bytes]:
        token = read_secret(self._settings.name, self._settings.token_file) if self._settings.token_file else None
        try:
            return await self._exchange(question, token.reveal() if token else "")
        except (self._library.HTTPError, self._library.StreamError, self._library.InvalidURL, OSError) as error:
            problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise out_of_order(self._settings.name, problem)  # a new one: frames of the old one hold the password

    async def _exchange(self, question: Question, token: str) -> tuple[int, bytes]:
        body = {
            "user": question.name,
            "password": question.password.reveal(),
            "source": question.source,
            "service": question.service,
        }
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        content = json.dumps(body).encode()
        async with self._opened().stream("POST", self._settings.url, content=content, headers=headers) as response:
            return response.status_code, await _received(response)

    def _opened(self) -> httpx2.AsyncClient:
        if self._client is None:
            most = self._settings.connections
            options: dict[str, Any] = {
                "verify": self._tls,
                "timeout": self._settings.timeout,
                "limits": self._library.Limits(max_connections=most, max_keepalive_connections=most),
                "follow_redirects": False,
                "trust_env": False,
            }
            self._client = self._library.AsyncClient(**options)
        return self._client


async def _received(response: httpx2.Response) -> bytes:
    """At most a little more than `MOST_OCTETS`; as it came, for a compressed answer is not what was asked for."""
    received = bytearray()
    async for part in response.aiter_raw():
        received += part
        if len(received) > MOST_OCTETS:
            break
    return bytes(received)


def _check(settings: HttpSettings) -> None:
    try:
        parts = urlsplit(settings.url)
        host = parts.hostname
    except ValueError:
        host = None
        parts = urlsplit("")
    if not host or parts.username is not None:
        raise needed("http", "url", "url must be https://host/path, without a password in it")
    if parts.scheme == "http" and settings.insecure_plaintext and _is_loopback(host):
        return
    if parts.scheme != "https":
        raise needed(
            "http", "url", "url must be https; http only to 127.0.0.1 or ::1, and with insecure_plaintext = true"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
