"""`mailward demo`: the main job told by the program itself, on loopback, in a few seconds."""

from __future__ import annotations

import shutil
import signal
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import exit_codes, installation, output, streams
from mailward.cli.lines import cut

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from mailward.audit.drill import Attempt
    from mailward.client.receipt import Receipt
    from mailward.events import Event
    from mailward.secret import Secret
    from mailward.server.app import Server
    from mailward.server.config import Config

ANN = "ann@localhost"
_HOME = "127.0.0.1"
_ELSEWHERE = "127.0.0.66"
_GUESSES = 6
_STOPS = (signal.SIGTERM, signal.SIGHUP)


@click.command("demo", short_help="See the whole of it at work.")
@click.option("--keep", is_flag=True, help="Leave the server running afterwards, until ctrl-c.")
@output.json_option
def command(*, keep: bool, as_json: bool) -> int:
    """Start a server, send through it, attack it, and see what it does about that.

    Uses loopback addresses and a temporary directory only. Exit code 1 when something did not go as claimed.
    """
    import asyncio  # noqa: PLC0415 - loads what only the demonstration needs

    folder = Path(tempfile.mkdtemp(prefix="mailward-demo-"))
    story = _Story(silent=as_json)
    try:
        stopped = asyncio.run(_until_stopped(_tell(story, _config(folder / "state"), keep=keep)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if stopped:
        return 128 + stopped  # as a shell reports a signal
    if as_json:
        with streams.reader_may_leave():
            output.say_json({"shown": [{"claim": claim, "held": held} for claim, held in story.claims]})
    return exit_codes.OK if all(held for _, held in story.claims) else exit_codes.REFUSED


async def _until_stopped(telling: Coroutine[None, None, None]) -> int:
    """The number of the signal that stopped it, so that what it made is cleaned away; 0 when it came to its end."""
    import asyncio  # noqa: PLC0415

    own = asyncio.current_task()
    stopped: list[int] = []

    def stop(number: int) -> None:
        stopped.append(number)
        if own is not None:
            own.cancel()

    if threading.current_thread() is threading.main_thread():
        for number in _STOPS:
            asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        await telling
    except asyncio.CancelledError:
        if not stopped:
            raise
    return stopped[0] if stopped else 0


class _Story:
    """What is told, and which claims held."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent
        self.claims: list[tuple[str, bool]] = []

    def scene(self, title: str) -> None:
        self.say(f"\n{title}", style="bold")

    def say(self, line: str, *, style: str = "") -> None:
        if not self._silent:
            with streams.reader_may_leave():
                for part in line.split("\n"):
                    output.say(part, style=style)

    def claim(self, claim: str, *, held: bool) -> None:
        self.claims.append((claim, held))

    def attempt(self, attempt: Attempt) -> None:
        hung_up = " … then hung up" if attempt.closed else ""
        style = "" if attempt.judged else "yellow"
        line = f"  guess {attempt.number}  {attempt.delay:4.1f} s  {attempt.reply}"
        self.say(
            cut(line, output.width() - len(hung_up)).removesuffix("…" if hung_up else "").rstrip() + hung_up,
            style=style,
        )

    def end(self) -> None:
        self.scene("What was shown")
        for claim, held in self.claims:
            self.say(f"  {'✔' if held else '✘'} {claim}", style="green" if held else "red")


def _config(state: Path) -> Config:
    """Loopback and any free ports; the guard's delays shortened, so that the story is short too."""
    from mailward.server.config import Config, GuardConfig, ListenerConfig  # noqa: PLC0415

    return Config(
        hostname="localhost",
        state=str(state),
        listener=(
            ListenerConfig(address="127.0.0.1:0", tls="implicit"),
            ListenerConfig(address="127.0.0.1:0", tls="starttls"),
        ),
        guard=GuardConfig(delay_first=0.1, delay_most=1.0),
    )


async def _tell(story: _Story, config: Config, *, keep: bool) -> None:
    from mailward.server.app import Server  # noqa: PLC0415

    password = _make_account(config)
    async with Server(config) as server:
        implicit, starttls = (listener.address for listener in server.listeners)
        story.scene("A submission server starts, with safe defaults")
        story.say(f"  smtps://{implicit}   TLS from the first byte")
        story.say(f"  smtp://{starttls}    STARTTLS required before login and mail")
        story.say(f"  account {ANN}, certificate by a CA of its own, mail stays in a sandbox")

        story.scene(f"Ann sends from {_HOME}, through both")
        secure = await _send(server, f"smtps://{implicit}", password, _HOME)
        upgraded = await _send(server, f"smtp://{starttls}", password, _HOME)
        for receipt in (secure, upgraded):
            story.say(f"  ✔ {_in_words(receipt)}", style="green")
        story.claim("sent over verified TLS, the login bound to the channel", held=_is_safe(secure, upgraded))
        story.claim(
            "both messages are stored under the ids they were acknowledged with", held=_kept(config, secure, upgraded)
        )

        story.scene(f"Somebody at {_ELSEWHERE} guesses Ann's password")
        attempts = await _guess(server, implicit, story)
        await _try_the_right_one(server, implicit, password, story)

        story.scene("What the server saw")
        for line in _told(config, attempts, story):
            story.say(f"  {line}")

        story.scene(f"Ann, at {_HOME}, notices nothing")
        receipt = await _send(server, f"smtps://{implicit}", password, _HOME)
        story.say(f"  ✔ {_in_words(receipt)}", style="green")
        story.claim("the attack did not lock out the legitimate user", held=receipt.ok)
        story.end()
        if keep:
            await _stay(story, server, password)


def _make_account(config: Config) -> Secret:
    from mailward.accounts import policy  # noqa: PLC0415
    from mailward.cli.user import accounts_of  # noqa: PLC0415
    from mailward.secret import Secret  # noqa: PLC0415

    secret = Secret(policy.generate(account=ANN, hostname=config.hostname))
    with installation.opened_at(config, create=True) as place, accounts_of(place) as accounts:
        accounts.add(ANN, secret, hostname=config.hostname)
    return secret


async def _send(server: Server, url: str, password: Secret, source: str) -> Receipt:
    from mailward.cli.written import Written  # noqa: PLC0415
    from mailward.client.facade_async import AsyncClient  # noqa: PLC0415

    message = Written(sender=ANN, to=["you@example.com"], subject="Hello", text="Hello from Mailward.").message()
    async with AsyncClient(url, auth=(ANN, password), ca=server.ca_file, local_address=source) as client:
        return await client.send(message)


async def _guess(server: Server, address: str, story: _Story) -> Sequence[Attempt]:
    from mailward.audit import drill  # noqa: PLC0415
    from mailward.client.options import client_options  # noqa: PLC0415
    from mailward.net.aio import AioPorts  # noqa: PLC0415

    options = client_options(
        f"smtps://{address}",
        None,
        auth=None,
        tls="auto",
        ca=server.ca_file,
        timeout=None,
        limits=None,
        local_address=_ELSEWHERE,
        ehlo_name=None,
    )
    attempts = await drill.run(drill.Drill(options, ANN, _GUESSES), AioPorts(), tell=story.attempt)
    throttled, locked = drill.throttled_from(attempts), drill.locked_from(attempts)
    story.claim("wrong passwords are answered later and later", held=throttled is not None)
    story.claim(f"after {locked and locked - 1} no password is looked at any more", held=locked is not None)
    return attempts


async def _try_the_right_one(server: Server, address: str, password: Secret, story: _Story) -> None:
    from mailward.errors import AuthUnavailable  # noqa: PLC0415

    try:
        await _send(server, f"smtps://{address}", password, _ELSEWHERE)
    except AuthUnavailable as error:
        refused = True
        story.say(
            f"  the right password, from there: {error.code} {error.enhanced_code}, not looked at", style="yellow"
        )
    else:
        refused = False
    story.claim("even the right password is refused from there now", held=refused)


def _told(config: Config, attempts: Sequence[Attempt], story: _Story) -> list[str]:
    from mailward.cli.events import in_words  # noqa: PLC0415

    events = [event for event in _events(config) if event.source == _ELSEWHERE]
    logins = [event for event in events if str(event.__struct_config__.tag).startswith("login.")]
    story.claim("every attempt is one event", held=len(logins) == len(attempts) + 1)
    return [in_words(event, output.width() - 2) for event in events]


def _events(config: Config) -> list[Event]:
    from mailward.events import decode  # noqa: PLC0415
    from mailward.store import events  # noqa: PLC0415

    with installation.opened_at(config) as place:
        return [decode(line) for _, line in events.select(place.reader)]


def _kept(config: Config, *receipts: Receipt) -> bool:
    from mailward.store import messages  # noqa: PLC0415

    with installation.opened_at(config) as place:
        stored = {message.id for message in messages.listing(place.reader)}
    return {receipt.queue_id for receipt in receipts} <= stored


def _is_safe(*receipts: Receipt) -> bool:
    return all(each.ok and each.tls and each.auth and each.auth.channel_binding for each in receipts)


def _in_words(receipt: Receipt) -> str:
    channel = receipt.tls.version if receipt.tls else "clear text"
    login = receipt.auth.mechanism if receipt.auth else "no login"
    return f"{receipt.outcome} as {receipt.queue_id}, {channel}, {login}"


async def _stay(story: _Story, server: Server, password: Secret) -> None:
    import asyncio  # noqa: PLC0415

    stop = asyncio.Event()
    for number in (signal.SIGINT, *_STOPS):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    file = _write_config(server)
    story.scene("The server stays until ctrl-c")
    story.say(f"  password of {ANN}: {password.reveal()}")
    story.say(f"  mailward send --via smtps://{ANN.replace('@', '%40')}@{server.listeners[0].address} \\")
    story.say(f"      --ca {server.ca_file} \\")
    story.say("      --to you@example.com --text Hello")
    story.say(f"  mailward mail list --config {file}")
    story.say(f"  mailward events --follow --config {file}")
    story.say("ready")
    await stop.wait()


def _write_config(server: Server) -> Path:
    """A mailward.toml beside the state directory, for the other commands."""
    config = server.config
    file = config.state_path.parent / "mailward.toml"
    lines = [f'hostname = "{config.hostname}"', f'state = "{config.state_path.name}"']
    for listener in server.listeners:
        tls = "implicit" if listener.door.implicit else "starttls"
        lines += ["", "[[listener]]", f'address = "{listener.address}"', f'tls = "{tls}"']
    lines += ["", "[guard]", f"delay_first = {config.guard.delay_first}", f"delay_most = {config.guard.delay_most}"]
    file.write_text("\n".join(lines) + "\n")
    return file
