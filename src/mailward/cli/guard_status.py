"""`mailward guard status`: how the guard stands as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailward.cli import installation, output
from mailward.cli.installation import Installation, config_option

if TYPE_CHECKING:
    from mailward.server.guard_view import GuardView


@click.command("status")
@config_option
@output.json_option
def command(*, config_file: Path | None, as_json: bool) -> None:
    """Tell the mode, how full the counters are, the bans, the known addresses, and what is wrong with the lists.

    For example: mailward guard status --json
    """
    from mailward.server import guard_view  # noqa: PLC0415

    now = installation.utc_now().timestamp()
    with (
        installation.opened(config_file) as place,
        installation.located(config_file),
        guard_view.opened(place.config, place.reader, now=lambda: now) as view,
    ):
        status = _status(place, view, now)
    if as_json:
        output.say_json(status)
        return
    for label, value in _lines(status):
        output.say(f"{label:<18}{value}")
    for fault in status["list_faults"]:
        output.say(f"! {fault}", style="yellow")


def _status(place: Installation, view: GuardView, now: float) -> dict[str, Any]:
    from mailward.store import bans, known_sources  # noqa: PLC0415

    spraying = view.state.spraying
    spraying.load()
    on = spraying.active(now)
    every = bans.listing(place.reader, now)
    pairs, accounts, sources = known_sources.number(place.reader, since=now - view.settings.known_for)
    kinds = Counter(ban.subject.partition(":")[0] for ban in every)
    return {
        "time": output.timestamp(now),
        "mode": "spraying" if on else "normal",
        "mode_since": output.timestamp(float(spraying.since)) if on else None,
        "mode_until": output.timestamp(float(spraying.until)) if on else None,
        "no_counters": view.no_counters or None,
        "tracked_sources": len(view.state.scores),
        "tracked_sources_most": view.settings.tracked_sources,
        "tracked_accounts": len(view.state.ledgers),
        "tracked_accounts_most": view.settings.tracked_accounts,
        "bans": {
            "addresses": kinds["ip"],
            "accounts": kinds["account"],
            "by_operator": sum(ban.by == "operator" for ban in every),
        },
        "known": {"pairs": pairs, "accounts": accounts, "sources": sources},
        "list_faults": list(view.faults),
    }


def _lines(status: dict[str, Any]) -> Iterator[tuple[str, str]]:
    until = f", until {status['mode_until']} at the least" if status["mode_until"] else ""
    yield "mode", f"{status['mode']}{until}"
    if status["no_counters"]:
        yield "counters", status["no_counters"]
    else:
        for what, label in (("sources", "tracked sources"), ("accounts", "tracked accounts")):
            yield label, _share(status[f"tracked_{what}"], status[f"tracked_{what}_most"])
    bans, known = status["bans"], status["known"]
    yield "bans", f"{bans['addresses']} addresses, {bans['accounts']} accounts ({bans['by_operator']} by the operator)"
    yield "known", f"{known['accounts']} accounts at {known['sources']} addresses"
    yield "lists", "in order" if not status["list_faults"] else f"{len(status['list_faults'])} faults"


def _share(number: int, most: int) -> str:
    return f"{number:,} of {most:,} ({100 * number / most:.0f} %)"
