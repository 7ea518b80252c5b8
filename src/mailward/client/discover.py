"""Where the user of an address sends mail: SRV records (RFC 6186, 8314), autoconfig, the MX's provider, usual names.

Each source gives candidates; each candidate is tried up to TLS and EHLO, and no credential is ever sent. What the DNS
says without DNSSEC may be forged, so a name outside the address's own domain is marked, for a person to confirm.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from mailward.client.autoconfig import MOST, host_name, parse_autoconfig
from mailward.client.check import CheckReport, check
from mailward.client.options import ClientArguments, ClientOptions, Timeout, client_options
from mailward.client.tls_mode import TLS, TlsMode
from mailward.client.trust import Trust
from mailward.errors import ConnectError, DeadlineExceeded, InputError, MailwardError
from mailward.net.https import request
from mailward.net.ports import too_late
from mailward.printable import printable
from mailward.records.answer import MxRecord, SrvRecord
from mailward.wire.address import Mailbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailward.client.trust import Ca
    from mailward.net.ports import Ports
    from mailward.records.answer import DnsAnswer

_STEP: Final = 6.0  # seconds for one question
_TRY: Final = 8.0  # seconds for one server
_MOST: Final = 8  # servers that are tried
_SERVICES: Final = (("_submissions._tcp", TlsMode.IMPLICIT), ("_submission._tcp", TlsMode.STARTTLS))
_PROVIDERS: Final = {  # by the end of the MX's name: the submission servers of whom it belongs to, port 465 or 587
    "google.com": ("smtp.gmail.com", 465),
    "googlemail.com": ("smtp.gmail.com", 465),
    "protection.outlook.com": ("smtp.office365.com", 587),
    "olc.protection.outlook.com": ("smtp-mail.outlook.com", 587),
    "messagingengine.com": ("smtp.fastmail.com", 465),
    "zoho.com": ("smtp.zoho.com", 465),
    "zoho.eu": ("smtp.zoho.eu", 465),
    "yahoodns.net": ("smtp.mail.yahoo.com", 465),
    "icloud.com": ("smtp.mail.me.com", 587),
    "mailbox.org": ("smtp.mailbox.org", 465),
    "migadu.com": ("smtp.migadu.com", 465),
    "ovh.net": ("ssl0.ovh.net", 465),
    "kundenserver.de": ("smtp.ionos.de", 465),
    "ionos.com": ("smtp.ionos.com", 465),
    "gandi.net": ("mail.gandi.net", 465),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One server that may be the one. `source`: srv, autoconfig, provider or guess.

    ours: its name is of the address's own domain, or DNSSEC vouches for it; else let a person confirm it. report: what
    a session without login found.
    """

    host: str
    port: int
    mode: TlsMode
    user: str
    source: str
    ours: bool
    oauth2: bool = False
    report: CheckReport | None = None

    @property
    def url(self) -> str:
        """To give to `Client`; the password is still missing."""
        scheme = "smtps" if self.mode is TlsMode.IMPLICIT else "smtp"
        usual = 465 if self.mode is TlsMode.IMPLICIT else 587
        port = "" if self.port == usual else f":{self.port}"
        return f"{scheme}://{quote(self.user, safe='')}@{self.host}{port}"

    @property
    def works(self) -> bool:
        return self.report is not None and self.report.ok

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "url": self.url,
            "host": self.host,
            "port": self.port,
            "tls": self.mode.value,
            "user": self.user,
            "source": self.source,
            "ours": self.ours,
            "oauth2": self.oauth2,
            "works": self.works,
            "mechanisms": list(self.report.mechanisms) if self.report else [],
            "error": self.report.error.message if self.report and self.report.error else None,
        }


async def discover(
    address: str, ports: Ports, arguments: ClientArguments | None = None, *, public_only: bool = True
) -> tuple[Found, ...]:
    """Those that work first, each in the order of how much its source is worth. Raises InputError for no address.

    arguments: options of the trial sessions, such as ca= and resolve=; timeout= holds for all of it, dns= for every
    question. Nothing but the domain leaves this machine. With proxy= no autoconfig file is asked for, as that would go
    past it. public_only: the file is read from addresses of the Internet only.
    """
    given = arguments or {}
    mailbox = Mailbox.parse(address)
    if not mailbox.domain or mailbox.domain.startswith("["):
        raise InputError("the address has no domain that could be asked", phase="discover")
    total = Timeout.of(given.get("timeout")).total
    until = None if total is None else ports.now() + total
    _trial_options("localhost", None, given, TlsMode.IMPLICIT)  # our own mistakes are told before anybody is asked
    search = _Search(mailbox, ports, given, until=until, public_only=public_only)
    candidates: dict[tuple[str, int], Found] = {}
    for source in (search.by_srv, search.by_autoconfig, search.by_provider):
        for found in await source():
            candidates.setdefault((found.host, found.port), found)
    for found in search.guesses():
        candidates.setdefault((found.host, found.port), found)
    tried = [await search.tried(found) for found in list(candidates.values())[:_MOST]]
    return tuple(sorted(tried, key=lambda found: not found.works))


class _Search:
    """For one address, until a deadline."""

    def __init__(
        self, mailbox: Mailbox, ports: Ports, arguments: ClientArguments, *, until: float | None, public_only: bool
    ) -> None:
        self._mailbox = mailbox
        self._ports = ports
        self._arguments = arguments
        self._until = until
        self._public_only = public_only
        self._denied: set[TlsMode] = set()

    async def by_srv(self) -> list[Found]:
        """RFC 6186 §3.1, RFC 8314 §5.1: by priority, then weight; a "." says that there is none."""
        found: list[Found] = []
        for service, mode in _SERVICES:
            with suppress(MailwardError):
                answer = await self._asked(f"{service}.{self._mailbox.domain}", "SRV")
                records = [record for record in answer.records if isinstance(record, SrvRecord)]
                if records and not any(record.host for record in records):
                    self._denied.add(mode)
                for record in sorted(records, key=lambda record: (record.priority, -record.weight)):
                    host = host_name(record.host)
                    if host is not None and record.port:
                        ours = answer.authenticated or _within(host, self._mailbox.domain)
                        found.append(self._found(host, record.port, mode, "srv", ours=ours))
        return found

    async def by_autoconfig(self) -> list[Found]:
        """Over https only, verified by an authority whatever pin= says, without the address and without cert=."""
        if self._arguments.get("proxy") is not None:
            return []
        mailbox = self._mailbox
        trust = Trust.of("auto", _ca(self._arguments))
        for url in _autoconfig_urls(mailbox.domain):
            with suppress(MailwardError):
                answer = await request(
                    self._ports,
                    url,
                    within=self._within(_STEP),
                    most=MOST,
                    context=trust.context,
                    public_only=self._public_only,
                    dns=self._arguments.get("dns"),
                )
                if answer.status == 200:
                    return [
                        replace(
                            self._found(server.host, server.port, server.mode, "autoconfig", ours=True),
                            user=server.user,
                            oauth2=server.oauth2,
                        )  # ours: the certificate of the domain vouches for the file
                        for server in parse_autoconfig(answer.body, address=str(mailbox), domain=mailbox.domain)
                    ]
        return []

    async def by_provider(self) -> list[Found]:
        """Whoever takes a domain's mail usually sends it too."""
        with suppress(MailwardError):
            answer = await self._asked(self._mailbox.domain, "MX")
            hosts = [record.host for record in answer.records if isinstance(record, MxRecord)]
            for end, (host, port) in sorted(_PROVIDERS.items(), key=lambda item: -len(item[0])):
                if any(_within(mx, end) for mx in hosts):
                    mode = TlsMode.IMPLICIT if port == 465 else TlsMode.STARTTLS
                    return [self._found(host, port, mode, "provider", ours=False)]
        return []

    def guesses(self) -> Iterator[Found]:
        """Usual names of the domain itself, but for what it says it has not."""
        for name in ("smtp", "mail", "submission"):
            for port, mode in ((465, TlsMode.IMPLICIT), (587, TlsMode.STARTTLS)):
                if mode not in self._denied:
                    yield self._found(f"{name}.{self._mailbox.domain}", port, mode, "guess", ours=True)

    async def tried(self, found: Found) -> Found:
        """Without credentials, whatever the arguments say."""
        try:
            options = _trial_options(found.host, found.port, self._arguments, found.mode)
            until = self._ports.now() + self._within(_TRY)
            return replace(found, report=await check(options, self._ports, until=until))
        except (InputError, DeadlineExceeded) as error:
            problem = ConnectError(f"{printable(found.host, 80)} was not tried: {error.message}", phase="connect")
            return replace(found, report=CheckReport(host=found.host, port=found.port, steps=(), error=problem))

    def _found(self, host: str, port: int, mode: TlsMode, source: str, *, ours: bool) -> Found:
        return Found(host=host, port=port, mode=mode, user=str(self._mailbox), source=source, ours=ours)

    async def _asked(self, name: str, kind: str) -> DnsAnswer:
        return await self._ports.query(name, kind, within=self._within(_STEP), dns=self._arguments.get("dns"))

    def _within(self, step: float) -> float:
        if self._until is None:
            return step
        left = self._until - self._ports.now()
        if left <= 0:
            raise too_late("looking for the server")
        return min(step, left)


def _autoconfig_urls(domain: str) -> tuple[str, ...]:
    return (
        f"https://autoconfig.{domain}/mail/config-v1.1.xml",
        f"https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
    )


def _within(host: str, domain: str) -> bool:
    return host == domain or host.endswith("." + domain)


def _trial_options(host: str, port: int | None, arguments: ClientArguments, mode: TlsMode) -> ClientOptions:
    """Who we are is nobody's business yet: no login, and no certificate of ours."""
    trial = arguments.copy()
    tls = trial.get("tls")
    trial |= {"auth": None, "mechanisms": None, "cert": None, "xclient": None}
    trial["tls"] = replace(tls, mode=mode, cert=None) if isinstance(tls, TLS) else mode
    return client_options(host, port, **trial)


def _ca(arguments: ClientArguments) -> Ca | None:
    tls = arguments.get("tls")
    return arguments.get("ca") or (tls.ca if isinstance(tls, TLS) else None)
