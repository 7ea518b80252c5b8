"""Each way to be hostile, and what is right about it: judged by what the server heard and what the caller was told."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from tests.support.certificates import LOOPBACK, NOW, issue, self_signed
from tests.support.hostile import KEYWORDS, HostileServer, Saying, Script, drip, hang_up, then_close

USER = "ann@example.test"
PASSWORD = "correct horse"  # noqa: S105
FOREIGN_PASSWORD = "пароль-пёс-9f3m"  # noqa: S105
CONTENT = b"From: ann@example.test\r\nSubject: x\r\n\r\nhello\r\n"
TRICKY = b"From: ann@example.test\r\nSubject: x\r\n\r\n.\r\n..two\nbare\n.\nMAIL FROM:<eve@example.test>\r\n.end\r\n"
PATIENCE = 2.0  # seconds a client may take where time is the question
_SLACK = 0.6  # seconds for a process to end


@dataclass(slots=True)
class Told:
    """What a client said at its end. `seconds`: from its connection to then."""

    outcome: str
    error: str = ""
    message: str = ""
    refused: tuple[str, ...] = ()
    log: str = ""
    receipt: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Seen:
    """One run: what the server heard, and what the client told."""

    server: HostileServer
    told: Told


Judge = Callable[[list[Seen]], str]
"""The verdict on the runs of one case: "" for right, else what was wrong, in a few words."""


@dataclass(frozen=True, slots=True)
class Case:
    """`scripts`: one run for each."""

    name: str
    right: str
    scripts: Callable[[], list[Script]]
    judge: Judge
    recipients: tuple[str, ...] = ("bob@example.test",)
    password: str = PASSWORD
    content: bytes = CONTENT
    debug: bool = False
    timeout: float = 10.0


def _starttls(**changes: object) -> Script:
    return Script(tls="starttls", auth=("PLAIN", "LOGIN"), **changes)  # type: ignore[arg-type]


def _says(**replies: Saying) -> Script:
    return _starttls(says={{"END": "."}.get(verb, verb): reply for verb, reply in replies.items()})


def _one(**changes: object) -> Callable[[], list[Script]]:
    return lambda: [_starttls(**changes)]


def _secret(where: bytes) -> bool:
    password = PASSWORD.encode()
    forms = (password, base64.b64encode(password), base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()))
    return any(form in where for form in forms)


def _no_secret(runs: list[Seen]) -> str:
    """For a channel that is not what it should be."""
    for seen in runs:
        if _secret(seen.server.heard):
            return "sent the password" + (" in clear" if _secret(seen.server.heard_in_clear) else "")
        if seen.server.contents:
            return "sent the message"
        if seen.told.outcome != "error":
            return "told no error"
    return ""


def _stripped(runs: list[Seen]) -> str:
    return _no_secret(runs)


def _injected(runs: list[Seen]) -> str:
    if any(connection.inside for connection in runs[0].server.connections):
        return "went on into TLS as if nothing had been"
    return _no_secret(runs)


def _one_attempt(runs: list[Seen]) -> str:
    attempts = runs[0].server.verbs.count("AUTH")
    return "" if attempts == 1 else f"{attempts} failed logins"


def _partial(runs: list[Seen]) -> str:
    told, contents = runs[0].told, runs[0].server.contents
    if len(contents) != 1:
        return f"sent it {len(contents)} times"
    if told.outcome != "sent" or told.refused != ("nobody@example.test",):
        return "did not tell who was refused"
    return ""


def _framing(runs: list[Seen]) -> str:
    server = runs[0].server
    inside = b"".join(bytes(connection.inside) for connection in server.connections)
    if b"\n" in inside.replace(b"\r\n", b"") or b"\r" in inside.replace(b"\r\n", b""):
        return "put a bare LF on the wire"
    if runs[0].told.outcome == "error":
        return "" if not server.contents else "told an error after sending it"
    expected = TRICKY.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return "" if server.contents == [expected] else "changed or split the message"


def _in_time(runs: list[Seen]) -> str:
    seconds = runs[0].told.seconds
    return "" if seconds <= PATIENCE + _SLACK else f"took {seconds:.0f} s with a timeout of {PATIENCE:.0f} s"


def _accepted(runs: list[Seen]) -> str:
    return "" if runs[0].told.outcome == "sent" else f"told {runs[0].told.error} though it was accepted"


def _told_apart(runs: list[Seen]) -> str:
    before, after = (seen.told for seen in runs)
    if after.outcome != "error":
        return "told that it was accepted"
    return "" if before.error != after.error else f"{after.error}, as if nothing had been sent"


def _clean_log(runs: list[Seen]) -> str:
    log = runs[0].told.log.encode()
    return "wrote the password into its log" if _secret(log) else ""


def _logged_in(runs: list[Seen]) -> str:
    return "" if runs[0].told.outcome == "sent" else f"{runs[0].told.error}"


def _a_label(runs: list[Seen]) -> str:
    heard = runs[0].server.heard
    if b"RCPT TO:<info@xn--bcher-kva.example>" in heard and runs[0].told.outcome == "sent":
        return ""
    return "sent raw UTF-8" if not heard.isascii() else f"{runs[0].told.error or 'did not send it'}"


def _smtputf8(runs: list[Seen]) -> str:
    offered, not_offered = runs
    if "jürgen@example.test".encode() not in offered.server.heard or b"SMTPUTF8" not in offered.server.heard:
        return "did not use SMTPUTF8"
    if not bytes(b"".join(not_offered.server.heard.split(b"AUTH")[:1])).isascii() or not_offered.server.contents:
        return "sent raw UTF-8 to a server without SMTPUTF8"
    return "" if not_offered.told.outcome == "error" else "told no error"


def _bad_certificates() -> list[Script]:
    expired = issue(LOOPBACK, end=NOW - timedelta(days=1))
    pairs = [self_signed(), expired, issue(("elsewhere.example",))]
    return [_starttls(pair=pair) for pair in pairs]


def _refuses_one() -> list[Script]:
    return [_says(RCPT=[b"250 2.1.5 OK\r\n", b"550 5.1.1 no such user\r\n"])]


def _lost_twice() -> list[Script]:
    return [_says(DATA=hang_up), _says(END=hang_up)]


_PLAIN_KEYWORDS = tuple(keyword for keyword in KEYWORDS if keyword != "SMTPUTF8")

CASES: tuple[Case, ...] = (
    Case(
        "STARTTLS stripped",
        "no password, no message, an error",
        lambda: [Script(tls=None, auth=("PLAIN", "LOGIN"))],
        _stripped,
    ),
    Case("Bad certificate (self-signed, expired, wrong name)", "the same", _bad_certificates, _no_secret),
    Case(
        "Bytes injected after 220",
        "an error before the handshake",
        lambda: [_says(STARTTLS=b"220 go\r\n250-injected\r\n250 AUTH PLAIN\r\n")],
        _injected,
    ),
    Case(
        "Wrong password",
        "one failed login",
        lambda: [
            Script(tls="starttls", auth=("CRAM-MD5", "PLAIN", "LOGIN"), says={"AUTH": b"535 5.7.8 bad credentials\r\n"})
        ],
        _one_attempt,
    ),
    Case(
        "One of two recipients refused",
        "sent to the other, and told",
        _refuses_one,
        _partial,
        recipients=("bob@example.test", "nobody@example.test"),
    ),
    Case("Bare LF and dots in the content", "one message, CRLF only", _one(), _framing, content=TRICKY),
    Case(
        f"Reply dripped, timeout {PATIENCE:.0f} s",
        f"an end within {PATIENCE:.0f} s",
        lambda: [_says(MAIL=drip())],
        _in_time,
        timeout=PATIENCE,
    ),
    Case(
        "Connection closed right after the final 250",
        "told as accepted",
        lambda: [_says(END=then_close(b"250 2.0.0 Ok: queued as 1\r\n"))],
        _accepted,
    ),
    Case("Final reply lost", "told apart from a loss before the content", _lost_twice, _told_apart),
    Case("Secrets in the debug log", "none", _one(), _clean_log, debug=True),
    Case(
        "Non-ASCII password",
        "logged in",
        _one(accounts={USER: FOREIGN_PASSWORD}),
        _logged_in,
        password=FOREIGN_PASSWORD,
    ),
    Case(
        "IDN domain, server without SMTPUTF8",
        "the A-label",
        _one(keywords=_PLAIN_KEYWORDS),
        _a_label,
        recipients=("info@bücher.example",),
    ),
    Case(
        "Non-ASCII local part",
        "SMTPUTF8 where offered, else an error",
        lambda: [_starttls(), _starttls(keywords=_PLAIN_KEYWORDS)],
        _smtputf8,
        recipients=("jürgen@example.test",),
    ),
)
