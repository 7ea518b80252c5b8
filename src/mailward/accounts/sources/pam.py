"""Accounts of the machine, judged by a PAM stack: the password first, then whether the account may be used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mailward.accounts.sources.libpam import Code, Judged, LibPam
from mailward.accounts.sources.pool import Threads
from mailward.accounts.sources.source import (
    UNKNOWN,
    Question,
    SourceAnswer,
    SourceSettings,
    answer,
    needed,
    out_of_order,
)

_SERVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_FOLDERS = ("/etc/pam.d", "/usr/lib/pam.d")
_WRONG = frozenset({Code.AUTH_ERR, Code.PERM_DENIED, Code.CRED_INSUFFICIENT, Code.MAXTRIES})
_MAY_NOT = frozenset(
    {
        Code.PERM_DENIED,
        Code.AUTH_ERR,
        Code.USER_UNKNOWN,
        Code.NEW_AUTHTOK_REQD,
        Code.ACCT_EXPIRED,
        Code.AUTHTOK_EXPIRED,
    }
)


@dataclass(frozen=True, kw_only=True)
class PamSettings(SourceSettings):
    """service: the file of that name in /etc/pam.d, or in `confdir`. domain: ann@domain and ann are the PAM user ann;
    without it the whole name is the PAM user."""

    name: str = "pam"
    service: str = "mailward"
    domain: str = ""
    confdir: str = ""


class Pam:
    """A stack that ends in an error of the system (pam_exec's script failed, no server reached) is out of order; one
    that denies says so with pam_deny or an authentication error."""

    def __init__(self, settings: PamSettings) -> None:
        if not _SERVICE.fullmatch(settings.service):
            raise needed("pam", "service", "service is the name of a file in /etc/pam.d")
        self._settings = settings
        self._folders = (settings.confdir,) if settings.confdir else _FOLDERS
        if not self._written():
            raise needed("pam", "service", f"there is no {self._folders[0]}/{settings.service}")
        self._pam = LibPam(settings.service, confdir=settings.confdir)
        self._threads = Threads(settings.name, 2 * settings.connections)

    async def ask(self, question: Question) -> SourceAnswer:
        user = self._user(question)
        if user is None:
            return UNKNOWN
        if not self._written():
            raise out_of_order(self._settings.name, f"there is no {self._folders[0]}/{self._settings.service} any more")
        password, source = question.password, question.source
        judged = await self._threads.run(lambda: self._pam.judge(user, password, source=source))
        return self._answer(user, judged)

    def faults(self) -> tuple[str, ...]:
        return ()

    async def close(self) -> None:
        """Nothing is held open; a module that hangs keeps its thread."""

    def _written(self) -> bool:
        """libpam takes the service `other` for one that is missing, which may let every user of the machine in."""
        return any((Path(folder) / self._settings.service).is_file() for folder in self._folders)

    def _user(self, question: Question) -> str | None:
        domain = self._settings.domain.lower()
        if not domain:
            return question.name
        return question.local_part if question.domain in ("", domain) else None

    def _answer(self, user: str, judged: Judged) -> SourceAnswer:
        name, domain = self._settings.name, self._settings.domain
        account = f"{user}@{domain}" if domain else user
        if judged.started and judged.permitted == Code.SUCCESS:
            return answer(name, account, right=True)
        if judged.permitted in _MAY_NOT:
            return answer(name, account, right=True, disabled=True)
        if judged.started and judged.permitted is None:
            if judged.authenticated == Code.USER_UNKNOWN:
                return UNKNOWN
            if judged.authenticated in (Code.ACCT_EXPIRED, Code.AUTHTOK_EXPIRED, Code.NEW_AUTHTOK_REQD):
                return answer(name, account, right=False, disabled=True)
            if judged.authenticated in _WRONG:
                return answer(name, account, right=False)
        raise out_of_order(name, f"PAM service {self._settings.service!r}: {judged.words}")
