"""A listener as its sessions see it: what may be said at this door, and its prepared replies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from mailward.guard.allowlist import Networks
from mailward.sasl.mechanism import ChannelBinding
from mailward.store.idempotency import KEPT_FOR
from mailward.wire import reply as replies
from mailward.wire.keyword import Keywords
from mailward.wire.reply import Reply

_CERTIFIED = ("EXTERNAL",)
_NOBODY = Networks()


@dataclass(frozen=True)
class Door:
    """`name`: the configured address. `tls`: implicit, starttls or insecure-plaintext. `size`, `recipients`: limits.

    `mechanisms`: what is offered inside TLS. `bindings`: of the channels of our certificate.
    `external`: whether who shows a certificate may log in with it.
    `proxy`: who must begin with a PROXY header. `xclient`: who may name another client with XCLIENT.
    """

    name: str
    tls: str
    hostname: str
    size: int
    recipients: int
    mechanisms: tuple[str, ...]
    bindings: tuple[ChannelBinding, ...] = ()
    external: bool = True
    proxy: Networks = _NOBODY
    xclient: Networks = _NOBODY

    @property
    def implicit(self) -> bool:
        return self.tls == "implicit"

    @property
    def starttls(self) -> bool:
        return self.tls == "starttls"

    def mechanisms_for(self, *, certificate: bool) -> tuple[str, ...]:
        """certificate: whether the client has shown one."""
        return _CERTIFIED + self.mechanisms if certificate and self.external else self.mechanisms

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
    def ehlo_certified(self) -> Reply:
        return self._ehlo(starttls=False, auth=self.mechanisms_for(certificate=True))

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
            idempotent=KEPT_FOR,
        )
        return replies.ehlo(self.hostname, keywords)
