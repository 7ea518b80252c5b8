"""OpenTelemetry spans, read back from the SDK."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from mailward.client.observer import SessionEvent
from mailward.client.session_log import observer_of
from mailward.client.spans import Spans
from mailward.errors import InputError

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    provider, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with patch("opentelemetry.trace.get_tracer", provider.get_tracer):
        yield exporter
    provider.shutdown()


def event(kind: str, seconds: int, **data: object) -> SessionEvent:
    return SessionEvent(kind=kind, time=NOON + timedelta(seconds=seconds), session="1", host="mx.test", data=data)


def test_a_span_for_each_transaction(exported: InMemorySpanExporter) -> None:
    """With the steps of the session before the first, its outcome, and no address in it."""
    spans = Spans()
    for each in (
        event("connected", 0, port=465),
        event("secured", 1, version="TLSv1.3"),
        event("logged-in", 2, mechanism="SCRAM-SHA-256", user="ann@example.test"),
        event("sending", 3, message_id="<1>", sender="ann@example.test", recipients=("bob@example.test",)),
        event("sent", 5, message_id="<1>", outcome="accepted", queue_id="Q"),
        event("sending", 6, message_id="<2>", sender="ann@example.test", recipients=("bob@example.test",)),
        event("failed", 7, message_id="<2>", outcome="rejected", error="no such user"),
        event("closed", 8),
    ):
        spans(each)

    first, second = exported.get_finished_spans()
    assert (first.name, first.kind, first.status.status_code) == ("smtp send", SpanKind.CLIENT, StatusCode.UNSET)
    assert first.attributes is not None
    assert first.attributes["server.address"] == "mx.test"
    assert first.attributes["mailward.recipients"] == 1
    assert first.attributes["mailward.outcome"] == "accepted"
    assert [step.name for step in first.events] == ["connected", "secured", "logged-in"]
    assert first.end_time is not None
    assert first.start_time is not None
    assert first.end_time - first.start_time == 2_000_000_000
    assert (second.status.status_code, second.status.description) == (StatusCode.ERROR, "rejected")
    assert "ann@example.test" not in first.to_json() + second.to_json()
    assert "no such user" not in second.to_json()  # what a server says may hold an address


def test_what_has_no_beginning_ends_nothing(exported: InMemorySpanExporter) -> None:
    """A sink that was added in the middle of a session."""
    Spans()(event("sent", 0, message_id="<1>"))
    assert exported.get_finished_spans() == ()


def test_without_the_library_the_extra_is_named() -> None:
    """What to install, when the client is made."""
    with patch.dict("sys.modules", {"opentelemetry": None}), pytest.raises(InputError) as caught:
        observer_of(None, "otel", utc=lambda: NOON)
    assert caught.value.advice == "install mailward[otel]"
