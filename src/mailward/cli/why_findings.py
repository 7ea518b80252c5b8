"""What decides about the logins of an address or an account now: lists, bans, counters and the account itself."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mailward.cli.reasons import rule_in_words
from mailward.guard.allowlist import Networks
from mailward.guard.source import ring
from mailward.store import bans as book
from mailward.store import event_search, known_sources

if TYPE_CHECKING:
    from mailward.accounts.account import Account
    from mailward.cli.installation import Installation
    from mailward.cli.subjects import Subject
    from mailward.guard.access import Ruling
    from mailward.guard.source import Source
    from mailward.guard.standing import Standing
    from mailward.server.guard_view import GuardView
    from mailward.store.bans import Ban

_MOST_KNOWN = 20
_OUTSIDE, _BUSY, BARRED = "lists", "busy", "allow_from"
_BARRED = "The account's own allow_from does not hold this address."


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """At one listener ("": whichever). looked_at: whether a password is. rule, until, since: of what refuses it.

    lift: the command that ends it; advice: what does where no command can.
    """

    listener: str
    ruling: Ruling | None
    looked_at: bool
    rule: str = ""
    sentence: str = ""
    since: float | None = None
    until: float | None = None
    lift: str = ""
    advice: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something of the account's own that stops the right password, and the command that takes it away."""

    sentence: str
    lift: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """known: addresses the account knows, or accounts that know the address, with the last login there."""

    subject: Subject
    decisions: tuple[Decision, ...]
    obstacles: tuple[Obstacle, ...]
    rules: tuple[Standing, ...]
    known: tuple[tuple[str, float], ...]
    bans: tuple[Ban, ...]
    account: Account | None
    spared: bool
    spraying: bool
    no_counters: str
    faults: tuple[str, ...]
    events: tuple[bytes, ...]


class Search:
    """One question: an address, an account, or both together."""

    def __init__(
        self,
        place: Installation,
        view: GuardView,
        subject: Subject,
        *,
        account: Account | None,
        now: float,
        config_file: Path | None,
    ) -> None:
        self._place = place
        self._view = view
        self._subject = subject
        self._account = account
        self._now = now
        self._option = "" if config_file is None else f" --config {shlex.quote(str(config_file))}"
        self._ring = "" if subject.source is None else ring(subject.source)
        names = (self._ring, f"account:{subject.account}" if subject.account else "")
        self._names = tuple(name for name in names if name)
        self._bans = {ban.subject: ban for ban in book.of(place.reader, self._names, now)}

    def findings(self, events: int) -> Findings:
        source, name = self._subject.source, self._subject.account
        decisions = tuple(self._at_doors(source) if source is not None else self._without_source())
        return Findings(
            subject=self._subject,
            decisions=decisions,
            obstacles=tuple(self._obstacles()),
            rules=self._view.guard.standing(source=source, account=name, listener=self._view.listeners[0]),
            known=tuple(self._known()),
            bans=tuple(self._bans.values()),
            account=self._account,
            spared=source is not None and source in self._view.never_ban,
            spraying=self._view.state.spraying.active(self._now),
            no_counters=self._view.no_counters,
            faults=self._view.faults,
            events=tuple(self._events(events)),
        )

    def _at_doors(self, source: Source) -> Iterator[Decision]:
        for listener in self._view.listeners:
            ruling = self._view.access.describe(source, listener)
            if not ruling.allowed:
                yield self._outside(listener, ruling)
                continue
            if self._barred:
                yield Decision(listener=listener, ruling=ruling, looked_at=False, rule=BARRED, sentence=_BARRED)
                continue
            verdict = self._view.verdict(source, self._subject.account, listener)
            if verdict.refused is None:
                yield Decision(listener=listener, ruling=ruling, looked_at=True)
                continue
            yield self._refused(listener, ruling, verdict.rule, verdict.until, strong=verdict.strong)

    def _without_source(self) -> Iterator[Decision]:
        ban = self._bans.get(f"account:{self._subject.account}")
        if ban is not None and ban.by == "operator":
            yield self._refused("", None, "operator", ban.until, strong=False)
            return
        closed = [each for each in self._view.of_account(self._subject.account) if each.until is not None]
        for each in closed:
            yield self._refused("", None, each.rule, each.until, strong=True)
        if not closed:
            yield Decision(listener="", ruling=None, looked_at=True)

    def _outside(self, listener: str, ruling: Ruling) -> Decision:
        return Decision(
            listener=listener,
            ruling=ruling,
            looked_at=False,
            rule=_OUTSIDE,
            sentence=f"{ruling}; every login fails as one with a wrong password does",
            advice=f"change {ruling.list} in mailward.toml",
        )

    def _refused(
        self, listener: str, ruling: Ruling | None, rule: str, until: float | None, *, strong: bool
    ) -> Decision:
        ban = self._of_rule(rule)
        since = None if ban is None else ban.added
        if rule == "spraying":
            self._view.state.spraying.load()
            since = float(self._view.state.spraying.since)
        return Decision(
            listener=listener,
            ruling=ruling,
            looked_at=False,
            rule=rule or _BUSY,
            sentence=rule_in_words(rule),
            since=since,
            until=until,
            lift=f"mailward bans remove {_short(ban.subject)}{self._option}" if ban is not None else "",
            advice="" if ban is not None else self._advice(rule),
            strong=strong,
        )

    def _of_rule(self, rule: str) -> Ban | None:
        for subject in self._names:
            ban = self._bans.get(subject)
            if ban is not None and (ban.by == "operator") == (rule == "operator"):
                kind = {"source-failures": "ip:", "account-failures": "account:", "operator": ""}.get(rule)
                if kind is not None and subject.startswith(kind):
                    return ban
        return None

    def _advice(self, rule: str) -> str:
        if rule == "":
            return "try again in a moment"
        network = rule.removeprefix("ring:") if rule.startswith("ring:") else str(self._subject.source or "")
        if rule == "account-failures" or not network:
            return "it ends by itself; an address that the account knows is not held up"
        return (
            "it ends by itself; an address that the account knows is not held up, and where many people stand behind"
            f' this one: never_ban = ["{network}"] under [allowlist] in mailward.toml'
        )

    @property
    def _barred(self) -> bool:
        account, source = self._account, self._subject.source
        if account is None or source is None or not account.allow_from:
            return False
        return source not in Networks.parse(account.allow_from)

    def _obstacles(self) -> Iterator[Obstacle]:
        account, name = self._account, shlex.quote(self._subject.account)
        if not self._subject.account:
            return
        if account is None:
            sentence = "There is no such account in this installation (an account source may have it)."
            yield Obstacle(sentence, f"mailward user add {name}{self._option}")
            return
        if account.disabled:
            yield self._obstacle(account, "disabled", "The operator has locked the account.", f"user unlock {name}")
        if self._barred:
            held = " ".join(f"--allow-from {each}" for each in (*account.allow_from, str(self._subject.source)))
            yield self._obstacle(account, "allow_from", _BARRED, f"user set {name} {held}")
        if account.second_factor:
            sentence = "It has a second factor: only its app passwords log in."
            command = f"user app-password add {name} --label NAME"
            yield self._obstacle(account, "second_factor", sentence, command)
        elif account.must_change:
            sentence = "Its password is not taken until it is changed."
            yield self._obstacle(account, "must_change", sentence, f"user passwd {name}")
        elif account.passwords and all(each.expires and each.expires <= self._now for each in account.passwords):
            yield self._obstacle(account, "", "Its password is past its time.", f"user passwd {name}")

    def _obstacle(self, account: Account, field: str, sentence: str, command: str) -> Obstacle:
        if field in account.overridden:
            return Obstacle(f"{sentence} mailward.toml says so.", "")
        return Obstacle(sentence, f"mailward {command}{self._option}")

    def _known(self) -> list[tuple[str, float]]:
        since = self._now - self._view.settings.known_for
        if not self._subject.account:
            return known_sources.accounts_at(self._place.reader, self._ring, since=since, limit=_MOST_KNOWN)
        every = known_sources.sources_of(self._place.reader, self._subject.account, since=since, limit=_MOST_KNOWN)
        return [each for each in every if not self._ring or each[0] == self._ring]

    def _events(self, limit: int) -> list[bytes]:
        source, account = self._subject.source, self._subject.account
        return event_search.newest(
            self._place.reader,
            source=None if source is None else str(source),
            account=account or None,
            subjects=self._names,
            limit=limit,
        )


def _short(subject: str) -> str:
    """As one types it: an address without what says that it is one."""
    rest = subject.removeprefix("ip:")
    return shlex.quote(rest.removesuffix("/64") if rest != subject else subject.removeprefix("account:"))
