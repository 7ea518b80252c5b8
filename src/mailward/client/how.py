"""How one message is to be treated, beyond whom it goes to: notifications, times, priority, TLS on the whole way.

RFC 3461 (DSN), RFC 4865 (hold), RFC 2852 (deliver by), RFC 6710 (priority), RFC 8689 (REQUIRETLS).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias, TypedDict, Unpack

from mailward.errors import InputError
from mailward.printable import printable
from mailward.wire.address import Mailbox
from mailward.wire.parameters import DeliverBy, MailParameters, Notify, RcptParameters, Ret

Seconds: TypeAlias = int | float | timedelta
Notifications: TypeAlias = str | Iterable[str]

_RET: Final = {"full": Ret.FULL, "headers": Ret.HDRS}


@dataclass(frozen=True, kw_only=True)
class Dsn:
    """Which notifications the sender wants (RFC 3461).

    notify: "never", or some of "success", "failure", "delay", as "failure,delay" or a list. ret: what of the message a
        notification brings back, "headers" or "full".
    envid: what it is called in them, made if None; the receipt has it. recipients: for single addresses, others than
        `notify`. original: the address a recipient was first sent to, where that is another (ORCPT).
    """

    notify: Notifications = ("failure", "delay")
    ret: str = "headers"
    envid: str | None = None
    recipients: Mapping[str, Notifications] = field(default_factory=dict)
    original: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.ret not in _RET:
            raise InputError('dsn: ret must be "headers" or "full"', phase="options")
        MailParameters(envid=self.envid).encode()
        for address, notifications in (("", self.notify), *self.recipients.items()):
            RcptParameters(notify=_notifications(notifications)).encode()
            if address:
                Mailbox.parse(address)
        for mailbox, original in self.original.items():
            Mailbox.parse(mailbox)
            _original(Mailbox.parse(original))

    @property
    def wanted(self) -> Ret:
        return _RET[self.ret]

    def of_recipient(self, mailbox: Mailbox) -> RcptParameters:
        address = str(mailbox)
        return RcptParameters(
            notify=_notifications(self.recipients.get(address, self.notify)),
            orcpt=_original(Mailbox.parse(self.original.get(address, address))),
        )


class SendArguments(TypedDict, total=False):
    """What `send`, `send_many` and `send_raw` may be told of how a message is to be treated.

    dsn: a `Dsn`, or only its notify, such as "failure,delay". Where the server does not offer DSN, the receipt says so.
    requiretls: TLS on the whole way, or the message comes back; refused where the server does not offer it.
    hold: seconds, or the moment (aware), until which the server keeps it; refused where it does not offer that.
    deliver_by: seconds after which it is returned (a `DeliverBy` to be told only); refused where it is not offered.
    priority: -9 to 9, 0 the usual; left out where it is not offered, which the receipt says.
    idempotency_key: under which a server that offers X-IDEMPOTENT takes the message once; made if it is not given.
    exactly_once: refused where the server does not offer X-IDEMPOTENT.
    """

    dsn: Dsn | Notifications | None
    requiretls: bool
    hold: Seconds | datetime | None
    deliver_by: Seconds | DeliverBy | None
    priority: int | None
    idempotency_key: str | None
    exactly_once: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """The same, checked."""

    dsn: Dsn | None = None
    requiretls: bool = False
    holdfor: int | None = None
    holduntil: datetime | None = None
    by: DeliverBy | None = None
    priority: int | None = None
    key: str | None = None
    once: bool = False

    @classmethod
    def of(cls, **arguments: Unpack[SendArguments]) -> How:
        """Raises InputError, and TypeError for a name that is not one of them."""
        unknown = arguments.keys() - SendArguments.__annotations__.keys()
        if unknown:
            raise TypeError(f"a message cannot be sent with {', '.join(sorted(unknown))}=")
        if not any(value is not None and value is not False for value in arguments.values()):
            return NO_HOW
        hold = arguments.get("hold")
        how = cls(
            dsn=_dsn(arguments.get("dsn")),
            requiretls=bool(arguments.get("requiretls")),
            holdfor=None if hold is None or isinstance(hold, datetime) else _seconds("hold", hold),
            holduntil=hold if isinstance(hold, datetime) else None,
            by=_deliver_by(arguments.get("deliver_by")),
            priority=arguments.get("priority"),
            key=arguments.get("idempotency_key"),
            once=bool(arguments.get("exactly_once")),
        )
        how.parameters().encode()
        return how

    def named(self, name: str, *, idempotent: bool) -> How:
        """With `name`, fresh and unguessable, where the message needs one and has none."""
        envid = self.dsn is not None and self.dsn.envid is None
        key = idempotent and self.key is None
        if not envid and not key:
            return self
        dsn = replace(self.dsn, envid=name) if envid and self.dsn is not None else self.dsn
        return replace(self, dsn=dsn, key=name if key else self.key)

    def parameters(self) -> MailParameters:
        """Those of MAIL but for DSN's."""
        return MailParameters(
            requiretls=self.requiretls,
            holdfor=self.holdfor,
            holduntil=self.holduntil,
            by=self.by,
            priority=self.priority,
            key=self.key,
        )


NO_HOW: Final = How()


def _dsn(value: Dsn | Notifications | None) -> Dsn | None:
    return value if value is None or isinstance(value, Dsn) else Dsn(notify=value)


def _notifications(value: Notifications) -> frozenset[Notify]:
    try:
        words = value.split(",") if isinstance(value, str) else list(value)
        return frozenset(Notify[word.strip().upper()] for word in words)
    except (KeyError, AttributeError, TypeError):
        raise InputError(
            f"dsn: {printable(repr(value), 80)} is no notification",
            phase="options",
            advice='it may be "never", or some of "success,failure,delay"',
        ) from None


def _original(original: Mailbox) -> tuple[str, str]:
    orcpt = ("utf-8" if original.needs_smtputf8 else "rfc822", str(original))
    RcptParameters(orcpt=orcpt).encode()
    return orcpt


def _deliver_by(value: Seconds | DeliverBy | None) -> DeliverBy | None:
    return value if value is None or isinstance(value, DeliverBy) else DeliverBy(_seconds("deliver_by", value))


def _seconds(name: str, value: object) -> int:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise InputError(f"{name}= must be seconds, or a timedelta", phase="options")
    return math.ceil(seconds)
