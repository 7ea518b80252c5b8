"""Who hears what a client does: each step of a session, redacted by those who know what is secret.

Commands tell themselves without their secrets (`redacted`), what is said in a SASL exchange is never told, and of a
message only its size and its name are: nothing here looks for secrets in finished text.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from mailward.errors import InputError
from mailward.printable import printable

if TYPE_CHECKING:
    from datetime import datetime

    from mailward.wire.reply import Reply

KINDS: Final = (
    "connected",  # host, port, address; a session begins
    "said",  # text: a command, or how much content
    "heard",  # code, text: a reply
    "secured",  # version, cipher, verified_by, pin, names, not_after
    "offered",  # keywords: of the last EHLO, by name
    "logged-in",  # mechanism, user, channel_binding
    "login-failed",  # mechanism, user, error
    "downgrade",  # was, now, error: the server does less than it is known to
    "sending",  # message_id, sender, recipients: a transaction begins
    "sent",  # message_id, outcome, queue_id: somebody is to get it
    "failed",  # message_id, outcome, error: nobody does, or nobody knows
    "key-changed",  # host, port, was, now: the server has another key, which may be for a good reason
    "memory-unusable",  # error: what is known of servers can be neither read nor kept
    "closed",  # a session ends
)
HIDDEN: Final = "…"

_log = logging.getLogger("mailward.client")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent:
    """One step. `session`: which of the client's sessions, "" for none. `data`: as KINDS tells."""

    kind: str
    time: datetime
    session: str
    host: str
    data: Mapping[str, object] = field(default_factory=dict)


Hook: TypeAlias = Callable[[SessionEvent], object]


class Observer:
    """Of one client. A hook that raises is told to the log `mailward.client` and changes nothing for the message."""

    def __init__(self, hooks: Mapping[str, tuple[Hook, ...]], *, utc: Callable[[], datetime]) -> None:
        self._hooks = hooks
        self._utc = utc

    def session(self, name: str, host: str) -> SessionObserver:
        return SessionObserver(self, name, host)

    def hears(self, kind: str) -> bool:
        return kind in self._hooks

    def tell(self, kind: str, session: str, host: str, data: Mapping[str, object]) -> None:
        hooks = self._hooks.get(kind)
        if not hooks:
            return
        event = SessionEvent(kind=kind, time=self._utc(), session=session, host=host, data=data)
        for hook in hooks:
            try:
                hook(event)
            except Exception:  # somebody else's code, in the middle of a transaction
                _log.exception("an event hook for %s failed", kind)


class SessionObserver:
    """What one session tells. `said` and `heard` cost a look-up where nobody listens."""

    __slots__ = ("_host", "_observer", "_secret", "dialogue", "name", "repeats")

    def __init__(self, observer: Observer, name: str, host: str) -> None:
        self._observer = observer
        self._host = host
        self._secret = False
        self.repeats: Callable[[str], bool] | None = None  # during a login: whether a text shows its secret
        self.name = name
        self.dialogue = observer.hears("said") or observer.hears("heard")

    def said(self, text: str, size: int = 0) -> None:
        self._secret = text.startswith("AUTH ") or text == HIDDEN
        self.happened("said", text=text, size=size)

    def heard(self, reply: Reply) -> None:
        """A challenge is part of a SASL exchange, of which nothing is told."""
        hidden = (self._secret and reply.intermediate) or self._shows_secret(reply)
        lines = (HIDDEN,) if hidden else tuple(printable(line) for line in reply.lines)
        self.happened("heard", code=reply.code, enhanced_code=None if hidden else reply.enhanced, lines=lines)

    def _shows_secret(self, reply: Reply) -> bool:
        """Some servers repeat a command that they do not know, AUTH with what follows it too."""
        return self.repeats is not None and self.repeats(" ".join(reply.lines))

    def happened(self, kind: str, **data: object) -> None:
        self._observer.tell(kind, self.name, self._host, data)


def hooks_of(event_hooks: Mapping[str, Hook | Iterable[Hook]] | None) -> dict[str, tuple[Hook, ...]]:
    """`event_hooks=`: for each kind, or "*" for every kind, one callable or several. Raises InputError."""
    hooks: dict[str, tuple[Hook, ...]] = {}
    for kind, given in (event_hooks or {}).items():
        if kind != "*" and kind not in KINDS:
            raise InputError(
                f"event_hooks: there is no event {printable(str(kind), 40)!r}",
                phase="options",
                advice=f"there are {', '.join(KINDS)}, and * for all",
            )
        several = (given,) if callable(given) else tuple(given)
        if not all(callable(hook) for hook in several):
            raise InputError(f"event_hooks: what hears of {kind} must be callable", phase="options")
        for each in KINDS if kind == "*" else (kind,):
            hooks[each] = (*hooks.get(each, ()), *several)
    return hooks
