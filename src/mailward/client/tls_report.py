"""Counting how sessions with other domains' servers were secured, and telling it as a report (RFC 8460)."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

from mailward.client.direct_options import state_path
from mailward.errors import CertificateError, StoreError, TlsRequired
from mailward.records.tls_rpt import Counted, Failure, report
from mailward.store.client_routes import ClientRoutes

if TYPE_CHECKING:
    from datetime import date

    from mailward.client.direct_options import State
    from mailward.errors import TlsError
    from mailward.net.ports import Ports
    from mailward.records.tls_rpt import AppliedPolicy

_EXPIRED = 10  # OpenSSL's numbers of why a certificate is refused (openssl-verify(1))
_NOT_YET = 9
_NAMES = frozenset({62, 64})
_ISSUERS = frozenset({2, 18, 19, 20, 21, 24, 27, 28})


class TlsReports:
    """What was counted in one file of a direct client. `state`: as of `DirectClient`."""

    def __init__(self, state: State = None) -> None:
        self._book = ClientRoutes(state_path(state))

    def domains(self, day: date) -> tuple[str, ...]:
        """To which domains there were sessions on that day (UTC). Raises StoreError."""
        return tuple(dict.fromkeys(counted.policy.domain for counted in self._book.counts(day)))

    def report(
        self, day: date, *, domain: str | None = None, organization: str = "", contact: str = ""
    ) -> dict[str, object]:
        """The JSON of RFC 8460 about `domain`, to be sent to where its record at `_smtp._tls.` says; None: about all.

        Raises StoreError.
        """
        counts = [each for each in self._book.counts(day) if domain in (None, each.policy.domain)]
        report_id = f"{day.isoformat()}-{domain or 'all'}@{organization or 'mailward'}"
        return report(day, counts, organization=organization, contact=contact, report_id=report_id)


class TlsCounter:
    """Counts for one client. That nothing can be counted stops no mail."""

    def __init__(self, book: ClientRoutes, ports: Ports) -> None:
        self._book = book
        self._ports = ports

    async def count(
        self,
        policy: AppliedPolicy,
        failure: Failure | None = None,
        *,
        host: str = "",
        addresses: tuple[str, str] = ("", ""),
        reason: str = "",
    ) -> None:
        """One session under `policy`. `addresses`: the server's and ours."""
        receiving, sending = addresses
        counted = Counted(policy, 1, failure, host, receiving, sending, reason)
        if failure is None:
            counted = Counted(policy, 1)
        day = self._ports.utc().date()
        with suppress(StoreError):
            await self._ports.compute(lambda: self._book.count(day, counted))


def failure_of(error: TlsError) -> Failure:
    """In the words of RFC 8460 §4.3."""
    if isinstance(error, TlsRequired):
        return Failure.STARTTLS_NOT_SUPPORTED
    cause = error.__cause__
    if isinstance(error, CertificateError) and isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in _NAMES:
            return Failure.HOST_MISMATCH
        if cause.verify_code in (_EXPIRED, _NOT_YET):
            return Failure.EXPIRED
        if cause.verify_code in _ISSUERS:
            return Failure.NOT_TRUSTED
    return Failure.VALIDATION
