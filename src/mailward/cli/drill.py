"""`mailward drill`: try wrong passwords on a server of one's own, and see what it does about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import exit_codes, output, streams

if TYPE_CHECKING:
    from mailward.audit.drill import Attempt, Drill
    from mailward.client.options import ClientOptions


@click.command("drill", short_help="Try wrong passwords, see them stopped.")
@click.argument("server", metavar="HOST:PORT")
@click.option("--user", required=True, metavar="NAME", help="The account to try. It is locked if the server locks.")
@click.option("--wrong", type=click.IntRange(1, 20), default=6, show_default=True, help="How many wrong passwords.")
@click.option(
    "--events", "event_file", type=click.Path(path_type=Path), metavar="FILE", help="The server's event file."
)
@click.option("--ca", type=click.Path(path_type=Path), metavar="FILE", help="Trust these certificates only.")
@click.option(
    "--tls", type=click.Choice(["auto", "implicit", "starttls"]), default="auto", show_default=True, help="auto looks."
)
@click.option("--local-address", metavar="IP", help="Connect from this address of this machine.")
@click.option("--allow-public", is_flag=True, help="Also against a public address, with its owner's consent.")
@output.json_option
def command(
    server: str,
    *,
    user: str,
    wrong: int,
    event_file: Path | None,
    ca: Path | None,
    tls: str,
    local_address: str | None,
    allow_public: bool,
    as_json: bool,
) -> int:
    """Send wrong passwords for one account to HOST:PORT (or an smtps://, smtp:// URL).

    Reports each reply and its delay, when throttling and lockout set in and, with --events, whether every attempt
    was recorded as one event. Exit code 1 when a wrong password is accepted or an attempt is not in the file.
    """
    from mailward.audit import drill  # noqa: PLC0415 - loads what only this command needs
    from mailward.audit.recorded import EventWatch  # noqa: PLC0415
    from mailward.net.blocking import BlockingPorts, run_blocking  # noqa: PLC0415

    watch = EventWatch(event_file) if event_file else None
    options = _options(server, tls, ca, local_address)
    plan = drill.Drill(options, user, wrong, allow_public)
    attempts = run_blocking(drill.run(plan, BlockingPorts(), tell=_silent if as_json else _say_attempt))
    counts = watch.counts(user, attempts) if watch else None
    with streams.reader_may_leave():
        if as_json:
            output.say_json(_report(plan, attempts, counts))
        else:
            _say_findings(attempts, counts, event_file)
    went_well = not any(attempt.accepted for attempt in attempts) and (counts is None or set(counts) == {1})
    return exit_codes.OK if went_well else exit_codes.REFUSED


def _options(server: str, tls: str, ca: Path | None, local_address: str | None) -> ClientOptions:
    from mailward.audit.channel import mode_of  # noqa: PLC0415
    from mailward.client.options import client_options  # noqa: PLC0415
    from mailward.client.tls_mode import TlsMode  # noqa: PLC0415
    from mailward.client.url import parse_target  # noqa: PLC0415
    from mailward.net.blocking import BlockingPorts, run_blocking  # noqa: PLC0415

    target = parse_target(server)
    mode: str | TlsMode = tls
    if tls == "auto" and target.scheme is None and target.port is not None:
        mode = run_blocking(mode_of(target.host, target.port, BlockingPorts(), local_address=local_address))
    return client_options(
        server,
        None,
        auth=None,
        tls=mode,
        ca=ca,
        timeout=None,
        limits=None,
        local_address=local_address,
        ehlo_name=None,
    )


def _silent(_attempt: Attempt) -> None:
    """JSON is printed at the end."""


def _say_attempt(attempt: Attempt) -> None:
    hung_up = ", then hung up" if attempt.closed else ""
    style = "red" if attempt.accepted else "" if attempt.judged else "yellow"
    with streams.reader_may_leave():
        output.say(f"{attempt.number:>3}  {attempt.delay:5.2f} s  {attempt.reply}{hung_up}", style=style)


def _say_findings(attempts: tuple[Attempt, ...], counts: tuple[int, ...] | None, event_file: Path | None) -> None:
    from mailward.audit.drill import locked_from, throttled_from  # noqa: PLC0415

    _say_from("throttling", "the replies come later and later", throttled_from(attempts))
    _say_from("lockout", "no password is looked at any more", locked_from(attempts))
    if any(attempt.accepted for attempt in attempts):
        output.say("✘ a wrong password was accepted", style="red")
    if counts is not None:
        recorded = counts.count(1)
        style = "green" if recorded == len(attempts) else "red"
        mark = "✔" if recorded == len(attempts) else "✘"
        output.say(f"{mark} {recorded} of {len(attempts)} attempts are one event each in {event_file}", style=style)


def _say_from(name: str, meaning: str, number: int | None) -> None:
    if number is None:
        output.say(f"✘ no {name} seen", style="yellow")
    else:
        output.say(f"✔ {name} from attempt {number}: {meaning}", style="green")


def _report(plan: Drill, attempts: tuple[Attempt, ...], counts: tuple[int, ...] | None) -> dict[str, object]:
    from mailward.audit.drill import locked_from, throttled_from  # noqa: PLC0415

    accepted = next((attempt.number for attempt in attempts if attempt.accepted), None)
    return {
        "server": str(plan.options.endpoints[0]),
        "user": plan.user,
        "attempts": [
            {
                "number": attempt.number,
                "mechanism": attempt.mechanism,
                "code": attempt.code,
                "reply": attempt.reply,
                "delay": round(attempt.delay, 3),
                "closed": attempt.closed,
                "events": counts[attempt.number - 1] if counts else None,
            }
            for attempt in attempts
        ],
        "throttled_from": throttled_from(attempts),
        "locked_from": locked_from(attempts),
        "accepted": accepted,
        "recorded": None if counts is None else set(counts) == {1},
    }
