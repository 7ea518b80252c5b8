"""A listener as its sessions see it: what may be said at this door, and its prepared replies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from mailward.wire import reply as replies
from mailward.wire.keyword import Keywords
from mailward.wire.reply import Reply

MECHANISMS_WITH_BINDING = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN")
MECHANISMS = MECHANISMS_WITH_BINDING[1:]


@dataclass(frozen=True)
class Door:
    """`name`: the configured address. `tls`: implicit, starttls or insecure-plaintext. `size`, `recipients`: limits.

    `binding`: whether our certificate gives a tls-server-end-point channel binding.
    """

    name: str
    tls: str
    hostname: str
    size: int
    recipients: int
    binding: bool

    @property
    def implicit(self) -> bool:
        return self.tls == "implicit"

    @property
    def starttls(self) -> bool:
        return self.tls == "starttls"

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """What is offered inside TLS."""
        return MECHANISMS_WITH_BINDING if self.binding else MECHANISMS

    @cached_property
    def greeting(self) -> Reply:
        return replies.greeting(self.hostname)

    @cached_property
    def ehlo_plain(self) -> Reply:
        return self._ehlo(starttls=self.starttls, auth=())

    @cached_property
    def ehlo_secured(self) -> Reply:
        return self._ehlo(starttls=False, auth=self.mechanisms)

    @cached_property
    def ehlo_logged_in(self) -> Reply:
        return self._ehlo(starttls=False, auth=())

    def _ehlo(self, *, starttls: bool, auth: tuple[str, ...]) -> Reply:
        keywords = Keywords.build(
            pipelining=True,
            eightbitmime=True,
            chunking=True,
            smtputf8=True,
            enhanced_status_codes=True,
            starttls=starttls,
            size=self.size,
            auth=auth,
            limits={"RCPTMAX": self.recipients},
        )
        return replies.ehlo(self.hostname, keywords)
