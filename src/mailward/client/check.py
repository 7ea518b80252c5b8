"""Whether a server can be sent through, and how well: everything a send does but the mail (RFC 5321, RFC 8314).

Each step is told from what happened, so that a check cannot say other than a send would find.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from mailward.client.observer import Observer, SessionEvent, hooks_of
from mailward.client.opening import open_session
from mailward.errors import AuthError, CertificateError, MailwardError, SaslError, TlsError
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.client.options import ClientOptions
    from mailward.net.ports import Ports

OK, WARN, FAIL, SKIPPED = "ok", "warn", "fail", "skipped"
_SOON: Final = 21  # days a certificate may have left without a word about it
_PLAIN: Final = frozenset({"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER", "EXTERNAL", "ANONYMOUS"})


@dataclass(frozen=True, slots=True)
class CheckStep:
    """`status`: ok, warn, fail or skipped. `advice`: what to do about it, "" for nothing."""

    name: str
    status: str
    detail: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """`steps`: connect, tls, certificate, offers, login, as far as they came. `error`: what ended it, if anything did.

    days_left: of the certificate. mechanisms: those offered inside TLS. keywords: all that was offered.
    """

    host: str
    port: int
    steps: tuple[CheckStep, ...]
    error: MailwardError | None = None
    days_left: int | None = None
    mechanisms: tuple[str, ...] = ()
    keywords: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Mail could be sent."""
        return self.error is None

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        error = self.error
        return {
            "host": self.host,
            "port": self.port,
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "days_left": self.days_left,
            "mechanisms": list(self.mechanisms),
            "keywords": dict(self.keywords),
            "steps": [
                {"name": step.name, "status": step.status, "detail": step.detail, "advice": step.advice}
                for step in self.steps
            ],
            "error": None if error is None else {"message": error.message, "phase": error.phase, "code": error.code},
        }


async def check(options: ClientOptions, ports: Ports, *, until: float | None) -> CheckReport:
    """Opens a session and logs in, once, if there are credentials; no mail is sent. Raises nothing a peer can cause."""
    seen: list[SessionEvent] = []
    observer = Observer(hooks_of({"*": [seen.append, *_others(options)]}), utc=ports.utc)
    began, error = ports.now(), None
    try:
        session = await open_session(replace(options, observer=observer), ports, until=until)
        await session.end()
    except MailwardError as problem:
        error = problem
    return _report(options, seen, error, now=ports.utc(), seconds=ports.now() - began)


def _others(options: ClientOptions) -> list[Any]:
    """Who else listens hears the check too."""
    observer = options.observer
    return [] if observer is None else [lambda event: observer.tell(event.kind, event.session, event.host, event.data)]


def _report(
    options: ClientOptions, seen: list[SessionEvent], error: MailwardError | None, *, now: datetime, seconds: float
) -> CheckReport:
    told: dict[str, Any] = {event.kind: event.data for event in seen}
    connected, secured = told.get("connected", {}), told.get("secured", {})
    keywords: dict[str, str] = dict(told.get("offered", {}).get("keywords", {}))
    endpoint = options.endpoints[0]
    mechanisms = tuple(keywords.get("AUTH", "").upper().split())
    ends = secured.get("not_after")
    days = (ends - now).days if isinstance(ends, datetime) else None
    steps = [_connect_step(connected, seconds), *_tls_steps(secured, days, plain=options.plain)]
    steps += _offer_steps(keywords, mechanisms) if "offered" in told else []
    steps += _login_steps(told.get("logged-in"), wanted=options.authority is not None, failed=error is not None)
    return CheckReport(
        host=str(connected.get("host", endpoint.host)),
        port=int(str(connected.get("port", endpoint.port))),
        steps=tuple(step for step in steps if step is not None) + ((_failure(error),) if error else ()),
        error=error,
        days_left=days,
        mechanisms=mechanisms,
        keywords=tuple(keywords.items()),
        seconds=seconds,
    )


def _connect_step(connected: Any, seconds: float) -> CheckStep | None:
    if not connected:
        return None
    where = f"{connected['host']} port {connected['port']}"
    return CheckStep("connect", OK, f"{where} ({connected.get('address')}) answers; all of it took {seconds:.2f} s")


def _tls_steps(secured: Any, days: int | None, *, plain: bool) -> list[CheckStep | None]:
    if not secured:
        return [CheckStep("tls", WARN, "none, as you asked: everybody on the path can read and change it")] * plain
    old = secured["version"] == "TLSv1.2"
    certificate = f"verified by {secured['verified_by']}, for {', '.join(secured.get('names', ())[:4]) or 'no name'}"
    return [
        CheckStep("tls", OK, f"{secured['version']}, {secured['cipher']}", "TLS 1.3 would be better" if old else ""),
        CheckStep(
            "certificate",
            OK if days is None or days >= _SOON else WARN,
            certificate + (f", {days} days left" if days is not None else ""),
            "" if days is None or days >= _SOON else "have it renewed, and find out why that is not automatic",
        ),
        CheckStep("pin", OK, str(secured["pin"])),
    ]


def _offer_steps(keywords: dict[str, str], mechanisms: tuple[str, ...]) -> list[CheckStep | None]:
    names = [name for name in keywords if name != "AUTH"]
    size = keywords.get("SIZE", "")
    told = f"up to {int(size) // 1_000_000} MB" if size.isdigit() and int(size) else "no size said"
    weak = bool(mechanisms) and not set(mechanisms) - _PLAIN
    return [
        CheckStep("offers", OK, f"{', '.join(names) or 'nothing'}; {told}"),
        CheckStep(
            "mechanisms",
            OK,
            ", ".join(mechanisms) or "no login is offered",
            "the password or token is shown to the server; SCRAM would not do so" if weak else "",
        ),
    ]


def _login_steps(logged_in: Any, *, wanted: bool, failed: bool) -> list[CheckStep | None]:
    if logged_in:
        binding = logged_in.get("channel_binding")
        bound = f", bound to this channel ({binding})" if binding else ""
        return [
            CheckStep("login", OK, f"as {logged_in.get('user')} by {logged_in['mechanism']}{bound}; no mail was sent")
        ]
    if wanted or failed:
        return []
    return [CheckStep("login", SKIPPED, "not tried: no user and password were given")]


def _failure(error: MailwardError) -> CheckStep:
    if isinstance(error, AuthError | SaslError):
        name = "login"
    elif isinstance(error, CertificateError):
        name = "certificate"
    else:
        name = "tls" if isinstance(error, TlsError) else error.phase or "connect"
    return CheckStep(name, FAIL, printable(error.message, 600), error.advice)
