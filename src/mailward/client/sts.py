"""The MTA-STS policy of a domain: found, fetched, and kept, also when it cannot be fetched again (RFC 8461 §3, §5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mailward.errors import CertificateError, DnsError, InputError, MailwardError, RouteError, StoreError
from mailward.net.https import request
from mailward.printable import printable
from mailward.records.mta_sts import MOST_OCTETS, policy_id
from mailward.records.mta_sts import parse_policy as parse
from mailward.records.tls_rpt import Failure

if TYPE_CHECKING:
    import ssl

    from mailward.net.ports import Ports
    from mailward.net.query import Dns
    from mailward.records.mta_sts import StsPolicy
    from mailward.store.client_routes import ClientRoutes, KeptPolicy

FETCH_TIME: Final = 10.0  # seconds for all of it
_QUERY_TIME: Final = 10.0
_NOT_AGAIN: Final = 300.0  # seconds after a fetch that failed (RFC 8461 §3.3)


@dataclass(frozen=True, slots=True)
class StsFound:
    """`policy`: None if the domain has none. `failure`: why a newer one could not be had, for the report."""

    policy: StsPolicy | None = None
    failure: Failure | None = None


class StsPolicies:
    """`book`: where policies are kept. `context`: whose certificates a web server may show. `dns`: whom to ask."""

    def __init__(self, ports: Ports, book: ClientRoutes, context: ssl.SSLContext, dns: Dns | None = None) -> None:
        self._ports = ports
        self._book = book
        self._context = context
        self._dns = dns

    async def of(self, domain: str, *, until: float) -> StsFound:
        """Raises a retryable RouteError where nobody can say whether there is a policy.

        A policy that is kept counts until it is over, whatever the DNS and the web server say meanwhile: whoever
        stands in between cannot take it away.
        """
        async with self._ports.exclusively(("mta-sts", domain), within=self._left(until)):
            kept = await self._ports.compute(lambda: self._book.policy(domain))
            holds = kept.holds(self._now())
            try:
                found = await self._id(domain, until)
            except DnsError as error:
                if holds:
                    return StsFound(kept.policy)
                raise _unknown(domain, error) from error
            if found is None or (holds and found == kept.id and not kept.failure):
                return StsFound(kept.policy if holds else None)
            if kept.failure and self._now() < kept.failed + _NOT_AGAIN:
                return StsFound(kept.policy if holds else None, kept.failure)
            return await self._renewed(domain, found, kept, until)

    async def _id(self, domain: str, until: float) -> str | None:
        within = min(_QUERY_TIME, self._left(until))
        answer = await self._ports.query(f"_mta-sts.{domain}", "TXT", within=within, dns=self._dns)
        if answer.state == "bogus":
            raise DnsError(f"DNSSEC says that _mta-sts.{domain} is forged", phase="route")
        return policy_id(record for record in answer.records if isinstance(record, bytes))

    async def _renewed(self, domain: str, found: str, kept: KeptPolicy, until: float) -> StsFound:
        failure: Failure
        try:
            policy = await self._fetched(domain, until)
        except CertificateError:
            failure = Failure.WEB_CERTIFICATE
        except InputError:
            failure = Failure.POLICY_INVALID
        except StoreError:
            raise
        except MailwardError:
            failure = Failure.POLICY_FETCH
        else:
            now = self._now()
            await self._keep(domain, replace(kept, id=found, policy=policy, fetched=now, failed=0.0, failure=None))
            return StsFound(policy)
        await self._keep(domain, replace(kept, failed=self._now(), failure=failure))
        return StsFound(kept.policy if kept.holds(self._now()) else None, failure)

    async def _fetched(self, domain: str, until: float) -> StsPolicy:
        answer = await request(
            self._ports,
            f"https://mta-sts.{domain}/.well-known/mta-sts.txt",
            within=min(FETCH_TIME, self._left(until)),
            most=MOST_OCTETS,
            context=self._context,
            public_only=True,
            dns=self._dns,
        )
        if answer.status != 200:
            raise RouteError(f"the web server of the policy answered {answer.status}", phase="route")
        if answer.media_type != "text/plain":
            raise InputError(f"the policy is {printable(answer.media_type, 80)}, not text/plain", phase="route")
        return parse(answer.body)

    async def _keep(self, domain: str, kept: KeptPolicy) -> None:
        await self._ports.compute(lambda: self._book.keep_policy(domain, kept))

    def _now(self) -> float:
        return self._ports.utc().timestamp()

    def _left(self, until: float) -> float:
        return max(0.001, until - self._ports.now())


def _unknown(domain: str, error: MailwardError) -> RouteError:
    return RouteError(
        f"nobody can say whether {domain} has an MTA-STS policy: {error.message}",
        phase="route",
        advice="try again later; no mail is sent meanwhile, for the policy may forbid the way",
    )
