"""The server of Dovecot's auth-policy: before Dovecot checks a password it asks, and afterwards it tells."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from mailward.errors import StoreError
from mailward.events import Reason
from mailward.guard.source import canonical_source
from mailward.integrations.desk import Desk, Question
from mailward.integrations.web import LONGEST_BODY, Answer, Asked, Endpoint, WebRefusal, flag, text

DOOR: Final = "dovecot-policy"
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}", re.ASCII)
_REJECT: Final = -1
_LONGEST_NAME: Final = 1024
_LONGEST_WORD: Final = 128
_log = logging.getLogger("mailward.integrations")
_REASONS: Final = {
    "account": Reason.UNKNOWN_ACCOUNT,
    "credentials": Reason.BAD_PASSWORD,
    "expired": Reason.EXPIRED,
    "disabled": Reason.DISABLED,
}
_NEVER_JUDGED: Final = frozenset({"internal", "temp", "policy"})


class DovecotPolicy:
    """`auth_policy_server_url` is the address of this door; every path answers alike."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (Endpoint("POST", "/{path:path}", self.answer),)

    async def answer(self, asked: Asked) -> Answer:
        command = asked.query.get("command") or text(asked.body, "command", needed=False)
        command = command or asked.path.get("path", "").rpartition("/")[2]
        if command == "allow":
            return await self._allow(_question(asked.body))
        if command == "report":
            return await self._report(asked.body)
        raise WebRefusal(400, "command must be allow or report")

    async def _allow(self, question: Question) -> Answer:
        """Dovecot shows `msg` to the user: it is the same for every reason. What is no answer it takes for a yes, so
        when nobody can tell it is told no."""
        try:
            decision = await self._desk.allow(question)
        except StoreError as problem:
            _log.error("a login at Dovecot is refused: %s", problem)
            return Answer({"status": _REJECT, "msg": ""})
        return Answer({"status": 0 if decision.allow else _REJECT, "msg": ""})

    async def _report(self, body: Mapping[str, Any]) -> Answer:
        question = _question(body)
        kind = text(body, "fail_type", needed=False).lower()
        if flag(body, "success"):
            await self._desk.report(question, reason=None)
        elif flag(body, "policy_reject") or kind in _NEVER_JUDGED:
            self._desk.abandoned(question)
        else:
            tag = _cut(body, "pwhash")
            await self._desk.report(question, reason=_REASONS.get(kind, Reason.BAD_PASSWORD), tag=tag or None)
        return Answer({"status": 0, "msg": ""})


def _question(body: Mapping[str, Any]) -> Question:
    """What the user's client may have made too long is cut: a refusal to read it would be a yes to Dovecot."""
    service = _cut(body, "protocol", "service").lower()
    return Question(
        source=canonical_source(text(body, "remote")),
        name=text(body, "login", longest=LONGEST_BODY)[:_LONGEST_NAME],
        door=DOOR,
        service=service if _SERVICE.fullmatch(service) else "unknown",
        session=_cut(body, "session_id", "session"),
        mechanism=_cut(body, "mech").upper(),
        tls=bool(flag(body, "tls")),
        twice=True,
    )


def _cut(body: Mapping[str, Any], *names: str) -> str:
    return text(body, *names, longest=LONGEST_BODY, needed=False)[:_LONGEST_WORD]
