"""OpenTelemetry spans of a client: one for each transaction, with the steps of its session as events.

Attributes follow the semantic conventions where they have names (server.address, network.protocol.name). Needs the
extra `mailward[otel]`; the exporter is the program's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mailward.errors import InputError

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from mailward.client.observer import SessionEvent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS = frozenset({"secured", "logged-in", "login-failed", "downgrade", "connected"})
_MOST = 10_000  # spans and sessions that are remembered at once


class Spans:
    """A sink for `log=`."""

    def __init__(self) -> None:
        try:
            from opentelemetry import trace  # noqa: PLC0415  # an extra
        except ImportError as error:
            raise InputError(
                'log="otel" needs OpenTelemetry', phase="options", advice="install mailward[otel]"
            ) from error
        self._trace = trace
        self._tracer = trace.get_tracer("mailward.client")
        self._open: dict[tuple[str, object], Span] = {}
        self._steps: dict[str, list[SessionEvent]] = {}

    def __call__(self, event: SessionEvent) -> None:
        if event.kind in _STEPS:
            if event.session in self._steps or len(self._steps) < _MOST:
                self._steps.setdefault(event.session, []).append(event)
        elif event.kind == "sending":
            self._begin(event)
        elif event.kind in {"sent", "failed"}:
            self._end(event)
        elif event.kind == "closed":
            self._steps.pop(event.session, None)

    def _begin(self, event: SessionEvent) -> None:
        if len(self._open) >= _MOST:
            return
        recipients = event.data.get("recipients")
        span = self._tracer.start_span(
            "smtp send",
            kind=self._trace.SpanKind.CLIENT,
            start_time=_nanoseconds(event.time),
            attributes={
                "network.protocol.name": "smtp",
                "server.address": event.host,
                "mailward.session": event.session,
                "mailward.recipients": len(recipients) if isinstance(recipients, tuple) else 0,
            },
        )
        for step in self._steps.pop(event.session, ()):
            span.add_event(step.kind, _attributes(step), _nanoseconds(step.time))
        self._open[event.session, event.data.get("message_id")] = span

    def _end(self, event: SessionEvent) -> None:
        span = self._open.pop((event.session, event.data.get("message_id")), None)
        if span is None:
            return
        span.set_attributes(_attributes(event))
        if event.kind == "failed":
            span.set_status(self._trace.StatusCode.ERROR, str(event.data.get("outcome", "")))
        span.end(_nanoseconds(event.time))


def _attributes(event: SessionEvent) -> dict[str, Any]:
    """Addresses and message ids are people's: they stay out of a trace."""
    hidden = {"message_id", "sender", "recipients", "user", "error"}
    return {
        f"mailward.{name}": value if isinstance(value, bool | int | float) else str(value)
        for name, value in event.data.items()
        if name not in hidden and value is not None
    }


def _nanoseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1) * 1000
