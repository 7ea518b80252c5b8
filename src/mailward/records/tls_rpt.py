"""SMTP TLS reporting: whether a domain wants reports, and a day's counts as a report (RFC 8460)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

MOST_ADDRESSES: Final = 10
_RECORD = re.compile(
    r"v=TLSRPTv1(?>(?:[ \t]*;[ \t]*[A-Za-z0-9][A-Za-z0-9_.\-]{0,31}=[^;\x00-\x1f\x7f]+)+)[ \t]*;?[ \t]*"
)
_ADDRESSES = re.compile(r";[ \t]*rua=([^;]+)")


class Failure(StrEnum):
    """Why a session failed, or would have (RFC 8460 §4.3)."""

    STARTTLS_NOT_SUPPORTED = "starttls-not-supported"
    HOST_MISMATCH = "certificate-host-mismatch"
    EXPIRED = "certificate-expired"
    NOT_TRUSTED = "certificate-not-trusted"
    VALIDATION = "validation-failure"
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"
    DANE_REQUIRED = "dane-required"
    POLICY_FETCH = "sts-policy-fetch-error"
    POLICY_INVALID = "sts-policy-invalid"
    WEB_CERTIFICATE = "sts-webpki-invalid"


class PolicyKind(StrEnum):
    TLSA = "tlsa"
    STS = "sts"
    NONE = "no-policy-found"


@dataclass(frozen=True, slots=True)
class AppliedPolicy:
    """Under which policy of `domain` a session was held. `text`: the policy itself, a line each."""

    kind: PolicyKind
    domain: str
    text: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """So many sessions that went the same way. `failure` None: they succeeded."""

    policy: AppliedPolicy
    sessions: int
    failure: Failure | None = None
    host: str = ""
    receiving_ip: str = ""
    sending_ip: str = ""
    reason: str = ""


def report_addresses(texts: Iterable[bytes]) -> tuple[str, ...]:
    """Where the TXT records at `_smtp._tls.` want reports: mailto: and https:; none unless exactly one is valid."""
    records = [text for text in texts if text.startswith((b"v=TLSRPTv1;", b"v=TLSRPTv1 "))]
    if len(records) != 1:
        return ()
    try:
        text = records[0].decode("ascii")
    except UnicodeDecodeError:
        return ()
    found = _ADDRESSES.findall(text) if _RECORD.fullmatch(text) else []
    if len(found) != 1:
        return ()
    addresses = [address.strip() for address in found[0].split(",")]
    return tuple(each for each in addresses if each.startswith(("mailto:", "https:")))[:MOST_ADDRESSES]


def report(
    day: date, counts: Iterable[Counted], *, organization: str, contact: str, report_id: str
) -> dict[str, object]:
    """The counts of one day about one domain, as the JSON of RFC 8460 §4.4."""
    policies: dict[AppliedPolicy, list[Counted]] = {}
    for counted in counts:
        policies.setdefault(counted.policy, []).append(counted)
    return {
        "organization-name": organization,
        "date-range": {
            "start-datetime": f"{day.isoformat()}T00:00:00Z",
            "end-datetime": f"{day.isoformat()}T23:59:59Z",
        },
        "contact-info": contact,
        "report-id": report_id,
        "policies": [_about(policy, counted) for policy, counted in policies.items()],
    }


def _about(policy: AppliedPolicy, counts: list[Counted]) -> dict[str, object]:
    told: dict[str, object] = {"policy-type": policy.kind.value}
    if policy.text:
        told["policy-string"] = list(policy.text)
    told["policy-domain"] = policy.domain
    if policy.mx:
        told["mx-host"] = list(policy.mx)
    failed = [counted for counted in counts if counted.failure is not None]
    about: dict[str, object] = {
        "policy": told,
        "summary": {
            "total-successful-session-count": sum(each.sessions for each in counts if each.failure is None),
            "total-failure-session-count": sum(each.sessions for each in failed),
        },
    }
    if failed:
        about["failure-details"] = [_detail(counted) for counted in failed]
    return about


def _detail(counted: Counted) -> dict[str, object]:
    fields = {
        "result-type": str(counted.failure),
        "sending-mta-ip": counted.sending_ip,
        "receiving-mx-hostname": counted.host,
        "receiving-ip": counted.receiving_ip,
        "failed-session-count": counted.sessions,
        "failure-reason-code": counted.reason,
    }
    return {name: value for name, value in fields.items() if value}
