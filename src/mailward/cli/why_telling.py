"""The findings of `mailward why`, told to people and to programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mailward.cli import bans, output, user_show
from mailward.cli.lines import Column, cut, say_lines
from mailward.cli.reasons import in_words
from mailward.cli.why_findings import BARRED
from mailward.events import decode
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.cli.why_findings import Decision, Findings
    from mailward.guard.standing import Standing

_LONGEST = 2000
_COLUMNS = (
    Column("rule", least=14),
    Column("used", right=True),
    Column("of", right=True),
    Column("checking", right=True, leaves=1),
    Column("bans", right=True, leaves=2),
    Column("refuses until"),
    Column("counted on", least=14),
)


def say(findings: Findings, now: float) -> None:
    """One line as wide as the terminal after the other; what is to be typed is never folded."""
    subject = findings.subject
    named = " at ".join(str(each) for each in (subject.account, subject.source) if each)
    output.say(named, style="bold")
    decisions = _merged(findings.decisions)
    for decision in decisions:
        if decision.rule != BARRED:  # that is among what is in the way of the account
            _say_decision(decision, several=len(decisions) > 1)
    for obstacle in findings.obstacles:
        _paragraph(obstacle.sentence)
        _command(obstacle.lift)
    _say_standing(findings)
    _say_lists(findings.decisions)
    _say_known(findings)
    if findings.account is not None:
        _head("The account")
        for label, value in user_show.lines_of(findings.account, now):
            output.say(cut(f"  {label:<16}{printable(value, _LONGEST)}", output.width()))
    say_events(findings.events, "The last events")


def _say_decision(decision: Decision, *, several: bool) -> None:
    where = f"At {decision.listener} the" if several and decision.listener else "The"
    if decision.looked_at:
        _paragraph(f"{where} password of a login now would be looked at.", style="green")
        return
    until = f" until {output.moment(decision.until)}" if decision.until is not None else ""
    since = f", since {output.moment(decision.since)}" if decision.since is not None else ""
    told = f"{where} password of a login now would not be looked at{until}: {decision.sentence}"
    _paragraph(f"{told} (rule {decision.rule}{since}).", style="yellow")
    if decision.strong:
        _paragraph("App passwords, tokens and certificates are still taken.")
    _command(decision.lift)
    if decision.advice:
        _paragraph(f"→ {decision.advice}")


def _say_standing(findings: Findings) -> None:
    _head("What the guard has counted")
    if findings.no_counters:
        _paragraph(f"Nothing can be told: {findings.no_counters}.")
    if findings.spared:
        _paragraph("The address is a proxy, or named in allowlist.networks or never_ban: it is never banned.")
    if findings.spraying:
        _paragraph("The spraying mode is on: unknown addresses have one wrong password only.")
    rows = [
        (
            each.rule.partition(":")[0],
            each.used,
            each.budget,
            each.held,
            each.times,
            output.moment(each.until) or "-",
            each.subject,
        )
        for each in findings.rules
    ]
    say_lines(_COLUMNS, rows, empty="  nothing")


def _say_lists(decisions: Sequence[Decision]) -> None:
    if any(each.ruling is not None for each in decisions):
        _head("The lists of addresses")
    for line in dict.fromkeys(f"{each.listener}: {each.ruling}" for each in decisions if each.ruling is not None):
        _paragraph(line)


def _say_known(findings: Findings) -> None:
    for fault in findings.faults:
        _paragraph(f"! {fault}", style="yellow")
    subject = findings.subject
    if subject.source is not None and subject.account:
        told = "has logged in from here before" if findings.known else "has not logged in from here lately"
        _paragraph(f"{subject.account} {told}.")
        return
    _head("Accounts that log in from here" if subject.source is not None else "Addresses it logs in from")
    for name, seen in findings.known:
        output.say(cut(f"  {output.moment(seen)}  {printable(name.removeprefix('ip:'), 300)}", output.width()))
    if not findings.known:
        _paragraph("none")


def say_events(lines: Iterable[bytes], head: str) -> None:
    _head(head)
    none = True
    for line in lines:
        none = False
        event = decode(line)
        who = "  ".join(printable(each, 300) for each in (event.source, event.account, event.mechanism) if each)
        output.say(cut(f"  {event.time:%Y-%m-%d %H:%M:%S}Z  {event.__struct_config__.tag}  {who}", output.width()))
        _paragraph(in_words(event), indent="    ")
    if none:
        _paragraph("none")


def as_json(findings: Findings, now: float) -> dict[str, object]:
    """Every key is always there."""
    return {
        "kind": findings.subject.kind,
        "source": None if findings.subject.source is None else str(findings.subject.source),
        "account": findings.subject.account or None,
        "time": output.timestamp(now),
        "decisions": list(map(_decision, findings.decisions)),
        "obstacles": [{"sentence": each.sentence, "lift": each.lift or None} for each in findings.obstacles],
        "rules": list(map(_standing, findings.rules)),
        "never_banned": findings.spared,
        "spraying": findings.spraying,
        "no_counters": findings.no_counters or None,
        "list_faults": list(findings.faults),
        "known": [{"subject": name, "seen": output.timestamp(seen)} for name, seen in findings.known],
        "bans": [bans.as_json_of(ban) for ban in findings.bans],
        "account_facts": None if findings.account is None else user_show.as_json_of(findings.account, now),
        "events": list(map(event_as_json, findings.events)),
    }


def event_as_json(line: bytes) -> dict[str, object]:
    event: dict[str, object] = json.loads(line)
    return event | {"sentence": in_words(decode(line))}


def _decision(decision: Decision) -> dict[str, object]:
    ruling = decision.ruling
    return {
        "listener": decision.listener or None,
        "looked_at": decision.looked_at,
        "allowed": None if ruling is None else ruling.allowed,
        "list": None if ruling is None else ruling.list,
        "entry": None if ruling is None else ruling.entry,
        "rule": decision.rule or None,
        "sentence": decision.sentence or None,
        "since": output.timestamp(decision.since),
        "until": output.timestamp(decision.until),
        "strong_credentials": decision.looked_at or decision.strong,
        "lift": decision.lift or None,
        "advice": decision.advice or None,
    }


def _standing(each: Standing) -> dict[str, object]:
    return {
        "subject": each.subject,
        "rule": each.rule,
        "used": each.used,
        "held": each.held,
        "budget": each.budget,
        "until": output.timestamp(each.until),
        "times": each.times,
        "known": each.known,
    }


def _merged(decisions: Sequence[Decision]) -> Sequence[Decision]:
    """One where every listener says the same."""
    told = {(each.looked_at, each.rule, each.sentence) for each in decisions}
    return decisions[:1] if len(told) == 1 else decisions


def _head(text: str) -> None:
    output.say("")
    output.say(text, style="bold")


def _paragraph(text: str, *, indent: str = "  ", style: str = "") -> None:
    width = max(output.width(), 20)
    for line in textwrap.wrap(printable(text, _LONGEST), width, initial_indent=indent, subsequent_indent=indent):
        output.say(line, style=style)


def _command(command: str) -> None:
    if command:
        output.say(f"  → {command}")
