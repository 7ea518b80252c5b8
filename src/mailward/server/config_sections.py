"""The sections of `mailward.toml` as frozen values; a section's docstring is its reference.

Durations are seconds, sizes octets. Paths in a loaded configuration are absolute.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from mailward.server.config_logins import (
    AccountConfig,
    AccountSourceConfig,
    ClientCertificatesConfig,
    DoorsConfig,
    Oauth2Config,
    PasswordsConfig,
)
from mailward.server.config_section import Section

Mechanism = Literal["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2", "EXTERNAL"]
Tls = Literal["implicit", "starttls", "insecure-plaintext"]
Seconds = Annotated[float, msgspec.Meta(ge=0.001, le=31_536_000)]
AtLeastASecond = Annotated[float, msgspec.Meta(ge=1, le=31_536_000)]
Delay = Annotated[float, msgspec.Meta(ge=0, le=60)]
Count = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]


class ListenerConfig(Section, frozen=True, kw_only=True):
    """`address`: "IP:port", IPv6 as "[::1]:465", port 0 for any free one.

    `tls`: "implicit" from the first byte (RFC 8314), "starttls" required before AUTH and MAIL, or
    "insecure-plaintext": anyone on the path reads the mail; never AUTH, only `allowlist.relay_without_login` may send.
    `allow`, `block`: who may log in here, besides what `[allowlist]` says. `proxy`: who must begin with a PROXY
    header. `xclient`: who may name another client with XCLIENT. `mechanisms`: the only ones offered, of those that
    are possible; by default all, but no SCRAM with `[[account_source]]`.
    """

    address: str
    tls: Tls
    allow: tuple[str, ...] = ("0.0.0.0/0", "::/0")
    block: tuple[str, ...] = ()
    proxy: tuple[str, ...] = ()
    xclient: tuple[str, ...] = ()
    mechanisms: tuple[Mechanism, ...] = ()

    @property
    def host(self) -> str:
        """The IP address alone; "localhost" is 127.0.0.1."""
        host = self.address.rpartition(":")[0].removeprefix("[").removesuffix("]")
        return "127.0.0.1" if host == "localhost" else host

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback


class TlsConfig(Section, frozen=True, kw_only=True):
    """PEM files: the certificate with its chain, and its key (mode 0600). Without `[tls]` a local CA makes them."""

    certificate: str
    key: str


class DeliveryConfig(Section, frozen=True, kw_only=True):
    """Where accepted mail goes. `to`: "sandbox" (kept, nothing leaves) or the URL of the next server,
    "smtps://user@host" or "smtp://host:port?tls=starttls"; the password is in `password_file`, never here.
    `ca`: PEM file of a private CA.
    """

    to: str = "sandbox"
    ca: str | None = None
    password_file: str | None = None

    @property
    def sandbox(self) -> bool:
        return self.to == "sandbox"


class AllowlistConfig(Section, frozen=True, kw_only=True):
    """`networks`: who may log in: "192.0.2.0/24", "file:office.cidr", "dns:home.example.net", "country:DE",
    "asn:64500". `blocked`: who may not, even so. `never_ban`: whose wrong passwords close no door but the account's
    (proxies, webmail). `geo_database`: a MaxMind file for country and asn. `relay_without_login`: who may send
    without a login, by default nobody (CIDR only).
    """

    networks: tuple[str, ...] = ("0.0.0.0/0", "::/0")
    blocked: tuple[str, ...] = ()
    never_ban: tuple[str, ...] = ()
    geo_database: str | None = None
    relay_without_login: tuple[str, ...] = ()


class GuardConfig(Section, frozen=True, kw_only=True):
    """When wrong logins are delayed and when they are refused without looking; the meaning is `mailward.guard`'s."""

    distinct_wrong_passwords_per_account: Annotated[int, msgspec.Meta(ge=1, le=32)] = 10
    account_window: AtLeastASecond = 86_400.0
    source_failures: Count = 5
    window: AtLeastASecond = 3600.0
    ban: AtLeastASecond = 1800.0
    ban_growth: Annotated[float, msgspec.Meta(ge=1, le=10)] = 2.0
    ban_most: AtLeastASecond = 86_400.0
    ban_remembered: AtLeastASecond = 2_592_000.0
    ring_factors: Annotated[tuple[Count, Count], msgspec.Meta()] = (3, 9)
    shared_most: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 20
    spraying_accounts: Count = 100
    spraying_for: AtLeastASecond = 3600.0
    sprayed_accounts: Count = 5
    delay_first: Delay = 0.5
    delay_growth: Annotated[float, msgspec.Meta(ge=1, le=10)] = 2.0
    delay_most: Delay = 8.0
    delay_repeated_first: Delay = 2.0
    delay_repeated_most: Delay = 15.0
    failures_per_connection: Count = 3
    tracked_sources: Annotated[int, msgspec.Meta(ge=1000, le=10_000_000)] = 250_000
    tracked_accounts: Annotated[int, msgspec.Meta(ge=100, le=10_000_000)] = 20_000
    known_for: AtLeastASecond = 2_592_000.0


class LimitsConfig(Section, frozen=True, kw_only=True):
    """`text_lines`: "strict" refuses lines of more than 1000 octets (RFC 5321 §4.5.3.1.6), "any" takes them.

    `connections_per_network`: of one IPv4 address or IPv6 /64. `commands_bad`: wrong commands before the end.
    """

    message_size: Annotated[int, msgspec.Meta(ge=1024, le=1 << 31)] = 36_700_160
    recipients: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    connections: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1000
    connections_per_network: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 50
    idle_before_login: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 60.0
    idle: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 300.0
    commands_bad: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    text_lines: Literal["any", "strict"] = "any"


class EventsConfig(Section, frozen=True, kw_only=True):
    """`file`: one JSON object a line; by default `events.jsonl` in the state directory."""

    file: str | None = None
    keep_days: Annotated[int, msgspec.Meta(ge=1, le=3660)] = 90


class QueueConfig(Section, frozen=True, kw_only=True):
    """The wait before the second attempt, the longest one, when to give up (RFC 5321 §4.5.4.1: 4 to 5 days),
    and how many deliveries run at once."""

    first_retry: Seconds = 300.0
    longest_retry: Seconds = 14_400.0
    give_up_after: Seconds = 432_000.0
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10


class Config(Section, frozen=True, kw_only=True):
    """The whole file. `hostname`: the name in the greeting and in the certificate. `state`: the state directory."""

    hostname: str
    state: str
    listener: tuple[ListenerConfig, ...]
    tls: TlsConfig | None = None
    delivery: DeliveryConfig = DeliveryConfig()
    allowlist: AllowlistConfig = AllowlistConfig()
    guard: GuardConfig = GuardConfig()
    limits: LimitsConfig = LimitsConfig()
    events: EventsConfig = EventsConfig()
    queue: QueueConfig = QueueConfig()
    passwords: PasswordsConfig = PasswordsConfig()
    doors: DoorsConfig = DoorsConfig()
    account: dict[str, AccountConfig] = msgspec.field(default_factory=dict)
    account_source: tuple[AccountSourceConfig, ...] = ()
    oauth2: Oauth2Config | None = None
    client_certificates: ClientCertificatesConfig | None = None

    @property
    def state_path(self) -> Path:
        return Path(self.state)

    @property
    def database_path(self) -> Path:
        return self.state_path / "mailward.db"

    @property
    def spool_path(self) -> Path:
        return self.state_path / "spool"

    @property
    def events_path(self) -> Path:
        return Path(self.events.file) if self.events.file else self.state_path / "events.jsonl"
