"""The guard over HTTP for programs of one's own: may this login be tried, how did it end, who is banned."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from mailward.events import Reason
from mailward.guard.source import canonical_source
from mailward.integrations.ban_list import BanList, subject_of
from mailward.integrations.desk import Desk, Question
from mailward.integrations.web import Answer, Asked, Endpoint, WebRefusal, flag, text
from mailward.store.bans import Ban

DOOR: Final = "http-api"
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}", re.ASCII)
_LONGEST_BAN: Final = 31_536_000  # seconds: a year
_REPORTED: Final = {
    str(reason): reason
    for reason in (Reason.BAD_PASSWORD, Reason.UNKNOWN_ACCOUNT, Reason.BAD_TOKEN, Reason.EXPIRED, Reason.DISABLED)
}


class HttpApi:
    """Version 1. Times are RFC 3339 in UTC, durations seconds."""

    def __init__(self, desk: Desk, bans: BanList) -> None:
        self._desk = desk
        self._bans = bans

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint("POST", "/v1/allow", self.allow),
            Endpoint("POST", "/v1/report", self.report),
            Endpoint("GET", "/v1/bans", self.bans),
            Endpoint("POST", "/v1/bans", self.ban),
            Endpoint("DELETE", "/v1/bans/{subject:path}", self.lift),
        )

    async def allow(self, asked: Asked) -> Answer:
        """May the password be checked? Yes holds a guess until the report, for at most half a minute."""
        decision = await self._desk.allow(_question(asked.body))
        return Answer(
            {
                "allow": decision.allow,
                "reason": decision.reason,
                "until": _time(decision.until),
                "delay": decision.delay,
            }
        )

    async def report(self, asked: Asked) -> Answer:
        """`password_tag`: the same text for the same wrong password, which counts once; never the password."""
        success = flag(asked.body, "success")
        if success is None:
            raise WebRefusal(400, "success is missing")
        word = text(asked.body, "reason", needed=False) or str(Reason.BAD_PASSWORD)
        reason = _REPORTED.get(word)
        if reason is None:
            raise WebRefusal(400, f"reason must be one of {', '.join(_REPORTED)}")
        tag = text(asked.body, "password_tag", longest=128, needed=False)
        failure = await self._desk.report(_question(asked.body), reason=None if success else reason, tag=tag or None)
        if failure is None:
            return Answer({"counted": False, "delay": 0.0})
        return Answer({"counted": not failure.repeated, "delay": failure.delay})

    async def bans(self, _asked: Asked) -> Answer:
        """Those in force, the newest last."""
        return Answer({"bans": [_shown(ban) for ban in self._bans.listing()]})

    async def ban(self, asked: Asked) -> Answer:
        """`subject`: an address or an account."""
        seconds = asked.body.get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 1 <= seconds <= _LONGEST_BAN:
            raise WebRefusal(400, f"seconds must be a number from 1 to {_LONGEST_BAN}")
        ban = await self._bans.add(subject_of(text(asked.body, "subject")), seconds=seconds)
        return Answer(_shown(ban), 201)

    async def lift(self, asked: Asked) -> Answer:
        subject = subject_of(asked.path.get("subject", ""))
        if not await self._bans.remove(subject):
            raise WebRefusal(404, "there is no such ban")
        return Answer({"subject": subject, "removed": True})


def _question(body: Mapping[str, Any]) -> Question:
    service = text(body, "service", longest=32, needed=False).lower() or "unknown"
    if not _SERVICE.fullmatch(service):
        raise WebRefusal(400, "service must be a short name such as imap")
    return Question(
        source=canonical_source(text(body, "source")),
        name=text(body, "account", longest=1024),
        door=DOOR,
        service=service,
        session=text(body, "session", longest=128, needed=False),
        mechanism=text(body, "mechanism", longest=32, needed=False).upper(),
        tls=bool(flag(body, "tls")),
    )


def _shown(ban: Ban) -> dict[str, object]:
    return {"subject": ban.subject, "reason": ban.reason, "added": _time(ban.added), "until": _time(ban.until)}


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
