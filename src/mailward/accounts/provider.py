"""The identity provider over HTTPS: one bounded question, one bounded answer (RFC 9110)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote_plus

import msgspec

from mailward.errors import AuthUnavailable, InputError
from mailward.printable import printable
from mailward.secret import Secret

if TYPE_CHECKING:
    import httpx2

MOST_OCTETS = 262_144  # of an answer: a large key set has 20 KiB
_CONNECTIONS = 16
_OF_THE_QUESTION = frozenset({400, 413, 414, 422, 431})  # RFC 9110 §15.5
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "mailward"}


class Provider(Protocol):
    """Each returns the JSON object of a 200 answer, and raises AuthUnavailable for everything else."""

    async def get(self, url: str) -> dict[str, Any]: ...

    async def post(self, url: str, form: Mapping[str, Secret], *, user: str, password: Secret) -> dict[str, Any]: ...

    async def close(self) -> None: ...


class Unwanted(AuthUnavailable):
    """It works, and does not want what it was asked: anybody can make up such a token."""


class _UnfitAnswer(Exception):
    """No object came; why. unwanted: because of what was asked."""

    def __init__(self, why: str, *, unwanted: bool = False) -> None:
        super().__init__(why)
        self.unwanted = unwanted


@dataclass(frozen=True, slots=True)
class _Question:
    """A form and who asks (RFC 6749 §2.3.1)."""

    form: Mapping[str, Secret]
    user: str
    password: Secret

    def revealed(self) -> dict[str, Any]:
        form = {name: value.reveal() for name, value in self.form.items()}
        return {"data": form, "auth": (quote_plus(self.user), quote_plus(self.password.reveal()))}


class HttpsProvider:
    """timeout: seconds for a whole answer. ca: PEM file, None for the system's authorities.

    No redirect is followed, no proxy of the environment is asked, and an answer is read up to `MOST_OCTETS`.
    """

    def __init__(self, *, timeout: float, ca: str | None = None) -> None:
        self._timeout = timeout
        self._context = _context(ca)
        self._client: httpx2.AsyncClient | None = None

    async def get(self, url: str) -> dict[str, Any]:
        return await self._asked(url, None)

    async def post(self, url: str, form: Mapping[str, Secret], *, user: str, password: Secret) -> dict[str, Any]:
        return await self._asked(url, _Question(form, user, password))

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _asked(self, url: str, question: _Question | None) -> dict[str, Any]:
        import httpx2  # noqa: PLC0415  # heavy, and only bearer tokens need it

        unwanted = False
        try:
            async with asyncio.timeout(self._timeout):
                return _object(await self._body(url, question))
        except TimeoutError:
            problem = f"no answer within {self._timeout:g} seconds"
        except _UnfitAnswer as unfit:
            problem, unwanted = str(unfit), unfit.unwanted
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            problem = f"{type(error).__name__}: {error}"
        told = unavailable(url, problem)  # a new one: the frames of the old one hold what was said
        raise Unwanted(told.message, phase=told.phase, advice=told.advice) if unwanted else told

    async def _body(self, url: str, question: _Question | None) -> bytes:
        said = {} if question is None else question.revealed()
        method = "GET" if question is None else "POST"
        async with self._opened().stream(method, url, headers=_HEADERS, **said) as answer:
            if answer.status_code != 200:
                raise _UnfitAnswer(f"status {answer.status_code}", unwanted=answer.status_code in _OF_THE_QUESTION)
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise _UnfitAnswer("the answer is compressed, which was not asked for")
            body = bytearray()
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > MOST_OCTETS:
                    raise _UnfitAnswer(f"the answer has more than {MOST_OCTETS} octets")
            return bytes(body)

    def _opened(self) -> httpx2.AsyncClient:
        import httpx2  # noqa: PLC0415

        if self._client is None:
            self._client = httpx2.AsyncClient(
                verify=self._context,
                timeout=self._timeout,
                trust_env=False,
                follow_redirects=False,
                limits=httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=2),
            )
        return self._client


class Pause:
    """After a failure nobody asks again for `seconds`: whoever comes meanwhile is told the same at once."""

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        self._seconds = seconds
        self._now = now
        self._until = float("-inf")
        self._message = ""
        self._advice = ""

    def check(self) -> None:
        if self._now() < self._until:
            raise AuthUnavailable(self._message, phase="auth", advice=self._advice)

    def begin(self, problem: AuthUnavailable) -> None:
        self._until = self._now() + self._seconds
        self._message, self._advice = problem.message, problem.advice


def unavailable(url: str, why: str) -> AuthUnavailable:
    return AuthUnavailable(
        f"the identity provider at {printable(url, 200)} does not answer as it should: {printable(why, 200)}",
        phase="auth",
        advice="see [oauth2] in the configuration; logins with a password are not concerned",
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (ValueError, RecursionError):
        raise _UnfitAnswer("the answer is no JSON object") from None


def _context(ca: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context
    try:
        context.load_verify_locations(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            f"oauth2.ca: no certificate can be read from {printable(ca)}: {error}",
            phase="config",
            advice="give a PEM file with the certificate of the authority",
        ) from error
    return context
