"""What the DNS answered to one question, as values (RFC 1035, RFC 2782, RFC 4033, RFC 6698)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["found", "nothing", "no-name", "bogus"]


@dataclass(frozen=True, slots=True)
class MxRecord:
    """`host`: lower case, without the final dot; "" is the root, which a null MX names (RFC 7505)."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True)
class TlsaRecord:
    """The four fields as they came, whatever they mean."""

    usage: int
    selector: int
    matching: int
    data: bytes


@dataclass(frozen=True, slots=True)
class SrvRecord:
    """`host` "": the service is decidedly not available here (RFC 2782)."""

    priority: int
    weight: int
    port: int
    host: str


Record: TypeAlias = str | bytes | MxRecord | TlsaRecord | SrvRecord


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """`records`: MX, TLSA, SRV as their types; TXT as the octets of each; A, AAAA, CNAME as text.

    `authenticated`: DNSSEC vouches for it, the aliases on the way included, and we may believe who says so. `state`:
    "nothing" is a name without records of this kind, "bogus" what DNSSEC says is forged: never take that for nothing.
    `canonical`: the name at the end of the aliases. `ttl`: seconds it holds.
    """

    records: tuple[Record, ...] = ()
    authenticated: bool = False
    ttl: float = 0.0
    state: State = "nothing"
    canonical: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Those records that are text."""
        return tuple(record for record in self.records if isinstance(record, str))
