"""Which hosts take the mail of a domain, and in which order to ask them (RFC 5321 §5.1, RFC 7505)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mailward.errors import RouteError
from mailward.printable import printable
from mailward.records.answer import MxRecord
from mailward.records.host import is_host

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailward.records.answer import DnsAnswer

MOST_HOSTS: Final = 20  # of one domain; whoever names more hosts is not helped by asking them all


@dataclass(frozen=True, slots=True)
class Exchanges:
    """`hosts`: the one to ask first comes first. `implicit`: the domain has no MX, so it is its own host.

    `secure`: DNSSEC vouches for the choice.
    """

    hosts: tuple[str, ...]
    implicit: bool = False
    secure: bool = False


def exchanges(domain: str, answer: DnsAnswer, *, chance: Callable[[], str]) -> Exchanges:
    """Raises RouteError where the domain takes no mail, and a retryable one where the answer is forged.

    chance: a new text at each call; it decides between hosts of equal preference, so that they share the load.
    """
    shown = printable(domain, 255)
    if answer.state == "bogus":
        raise RouteError(
            f"DNSSEC says that the MX records of {shown} are forged",
            phase="route",
            advice="try again later; if it stays so, the domain's DNS is broken, and its owner must mend it",
        )
    if answer.state == "no-name":
        raise _refused(f"the domain {shown} does not exist", "5.1.2", "check the spelling of the address")
    records = [record for record in answer.records if isinstance(record, MxRecord)]
    if not records:
        return Exchanges((domain,), implicit=True, secure=answer.authenticated)
    if all(not record.host for record in records):
        raise _refused(f"the domain {shown} takes no mail (null MX)", "5.1.10", "write to another address")
    ordered = sorted(
        (record for record in records if is_host(record.host)), key=lambda record: (record.preference, chance())
    )
    hosts = tuple(dict.fromkeys(record.host for record in ordered))[:MOST_HOSTS]
    if not hosts:
        raise _refused(f"no MX record of {shown} names a host", "5.4.4", "the domain's owner must mend its MX records")
    return Exchanges(hosts, secure=answer.authenticated)


def _refused(message: str, enhanced: str, advice: str) -> RouteError:
    return RouteError(message, phase="route", enhanced_code=enhanced, retryable=False, advice=advice)
