"""Asking a service about a breached password by k-anonymity: it is told five of the forty digits of a SHA-1."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

from mailward.errors import AuthUnavailable, InputError
from mailward.printable import printable

Fetch: TypeAlias = Callable[[str, float], bytes]
"""The body at an https URL within so many seconds. Raises AuthUnavailable."""

MOST_OCTETS = 1 << 20  # a padded answer has some 80,000
_LINE = re.compile(rb"([0-9A-Fa-f]{35}):([0-9]{1,18})")
_HEADERS = {"Add-Padding": "true", "User-Agent": "mailward", "Accept": "text/plain"}


class RangeAnswer(NamedTuple):
    """warning: why nobody knows, when the service could not be asked; the password is not refused for that."""

    known: bool
    warning: str = ""


class RangeService:
    """url: https, to which `/` and five hexadecimal digits are added. InputError: it is no such URL."""

    def __init__(self, url: str, fetch: Fetch | None = None, *, timeout: float = 3.0) -> None:
        if not is_service_url(url):
            raise InputError(
                f"{printable(url, 200)} is no address of a range service",
                phase="password",
                advice="give an https:// URL without a user, ? and #",
            )
        self._url = url.rstrip("/")
        self._host = printable(urlsplit(url).hostname or "", 200)
        self._fetch = fetch or https_fetch()
        self._timeout = timeout

    def find(self, password: str) -> RangeAnswer:
        """Never raises for what the service does. All lines of the answer are compared, in constant time."""
        octets = password.encode("utf-8", "surrogatepass")
        digest = hashlib.sha1(octets, usedforsecurity=False).hexdigest().upper()
        try:
            body = self._fetch(f"{self._url}/{digest[:5]}", self._timeout)
        except AuthUnavailable as error:
            return RangeAnswer(known=False, warning=f"{self._host} could not be asked: {error.message}")
        lines = [match for line in body.split(b"\n") if (match := _LINE.fullmatch(line.strip()))]
        if not lines:
            return RangeAnswer(known=False, warning=f"{self._host} gave no answer that is one of a range service")
        wanted = digest[5:].encode()
        hits = [hmac.compare_digest(line[1].upper(), wanted) and int(line[2]) > 0 for line in lines]  # 0 is padding
        return RangeAnswer(known=any(hits))


def is_service_url(url: str) -> bool:
    """Whether digits can be added to it, and go out encrypted."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and not (parts.query or parts.fragment or parts.username)


def https_fetch(*, ca: Path | None = None, clock: Callable[[], float] = time.monotonic) -> Fetch:
    """By httpx2; no redirect is followed, and no proxy of the environment is used. ca: PEM, besides nothing else."""

    def fetch(url: str, timeout: float) -> bytes:
        import ssl  # noqa: PLC0415

        try:
            import httpx2  # noqa: PLC0415  # an extra: mailward[http]
        except ImportError:
            raise AuthUnavailable("httpx2 is not installed (mailward[http])", phase="password") from None
        end = clock() + timeout
        body = bytearray()
        try:
            context = ssl.create_default_context(cafile=None if ca is None else str(ca))
            with (
                httpx2.Client(verify=context, timeout=timeout, trust_env=False) as client,
                client.stream("GET", url, headers=_HEADERS) as response,
            ):
                if response.status_code != 200:
                    raise AuthUnavailable(f"it answered {response.status_code}", phase="password")
                for piece in response.iter_bytes(8192):
                    body += piece
                    if len(body) > MOST_OCTETS:
                        raise AuthUnavailable(f"its answer has more than {MOST_OCTETS} octets", phase="password")
                    if clock() > end:
                        raise AuthUnavailable(f"its answer took more than {timeout:g} seconds", phase="password")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise AuthUnavailable(printable(f"{type(error).__name__}: {error}", 200), phase="password") from None
        return bytes(body)

    return fetch
