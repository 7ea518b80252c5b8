"""kill -9 at any moment: what was acknowledged is there afterwards, whole, and nothing contradicts it."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailward.store import messages
from mailward.store.spool import Spool
from tests.support.hostile import HostileServer, Script, hostile_server
from tests.support.installation import IMPLICIT, PLAINTEXT, own_field, until
from tests.support.load import content_of, load, name_of, promised
from tests.support.mailward_server import MailwardServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

KILLS = 30  # in each of the two tests
SOONEST, LATEST = 0.02, 0.6  # seconds from ready to the kill
SINK_SESSIONS = 10


def kill_again_and_again(server: MailwardServer, seed: int) -> list[float]:
    """Seconds from each launch to `ready`."""
    chance = random.Random(seed)
    restarts = []
    for _ in range(KILLS):
        time.sleep(chance.uniform(SOONEST, LATEST))  # the moment of the kill is what is random here
        server.kill()
        begin = time.monotonic()
        server.start()
        restarts.append(time.monotonic() - begin)
    return restarts


def lines_in_file(server: MailwardServer) -> list[dict[str, Any]]:
    """The events of all files, oldest first."""
    files = sorted(server.state.glob("events.jsonl*"), key=lambda path: path.suffix, reverse=True)
    lines = [line for file in files for line in file.read_bytes().splitlines() if line]
    whole = []
    for line in lines:
        try:
            whole.append(json.loads(line))
        except ValueError:
            continue  # the last line of a process that was killed in the middle of it
    assert len(lines) - len(whole) <= KILLS
    return whole


def report(record: Callable[[str, object], None], **figures: object) -> None:
    for name, value in figures.items():
        record(name, value)
    print(figures)  # noqa: T201  # shown with -s, and when the test fails


def test_nothing_acknowledged_is_lost(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Killed 30 times under load: every acknowledged message is in the store, once, whole, with its one event."""
    with MailwardServer(tmp_path, listeners=(IMPLICIT, PLAINTEXT), relay=True) as server:
        with load(server) as senders:
            restarts = kill_again_and_again(server, seed=1)
        tried, acknowledged = promised(senders)
        server.kill()
        server.start()

    stored: Counter[str] = Counter()
    ids: dict[str, str] = {}
    spool = Spool(server.state / "spool")
    with server.reader() as reader:
        assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for mail in messages.listing(reader):
            _, content = own_field(b"".join(messages.content(reader, mail.id, spool)))
            name = name_of(content)
            assert content == content_of(name), f"{name} is not whole"
            stored[name] += 1
            ids[name] = mail.id
        spooled = messages.spooled(reader)
    report(
        record_property,
        kills=KILLS + 1,
        tried=len(tried),
        acknowledged=len(acknowledged),
        stored=sum(stored.values()),
        lost=len(acknowledged.keys() - stored.keys()),
        restart_median=round(statistics.median(restarts), 2),
        restart_longest=round(max(restarts), 2),
    )

    assert len(acknowledged) > 10 * KILLS, "the load was too light to prove anything"
    assert acknowledged.keys() <= stored.keys() <= tried
    assert max(stored.values()) == 1
    assert {name: ids[name] for name in acknowledged} == acknowledged, "the id that was acknowledged"
    assert {path.name for path in (server.state / "spool").iterdir()} == spooled, "no file without its message"
    assert statistics.median(restarts) < 2

    recorded = Counter(event["message"] for event in server.recorded("message.accepted"))
    assert recorded == Counter(ids.values()), "one event for each message, in the same transaction"
    in_file = Counter(event["message"] for event in lines_in_file(server) if event["type"] == "message.accepted")
    assert set(in_file) <= set(recorded), "the file tells of nothing that is not so"
    assert max(in_file.values()) == 1


def test_nothing_acknowledged_stays_undelivered(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Killed 30 times while it relays: every acknowledged message reaches the next server; few of them twice."""
    with hostile_server(Script()) as sink:
        delivery = {"to": f"smtp://127.0.0.1:{sink.port}?tls=insecure-plaintext"}
        queue = {"first_retry": 0.2, "longest_retry": 0.5, "concurrency": SINK_SESSIONS}
        server = MailwardServer(tmp_path, listeners=(IMPLICIT, PLAINTEXT), relay=True, delivery=delivery, queue=queue)
        with server:
            with load(server) as senders:
                restarts = kill_again_and_again(server, seed=2)
            tried, acknowledged = promised(senders)
            until(lambda: not server.queue(), within=60)
    delivered = arrived(sink)
    twice = sum(count - 1 for count in delivered.values())
    report(
        record_property,
        kills=KILLS,
        tried=len(tried),
        acknowledged=len(acknowledged),
        delivered=sum(delivered.values()),
        lost=len(acknowledged.keys() - delivered.keys()),
        twice=twice,
        restart_median=round(statistics.median(restarts), 2),
        restart_longest=round(max(restarts), 2),
    )

    assert len(acknowledged) > 10 * KILLS, "the load was too light to prove anything"
    assert acknowledged.keys() <= delivered.keys() <= tried
    assert twice <= KILLS * SINK_SESSIONS, "at most what was under way at each kill"
    assert server.mails() == []
    assert list((server.state / "spool").iterdir()) == []

    recorded = server.recorded()
    accepted = Counter(event["message"] for event in recorded if event["type"] == "message.accepted")
    done = Counter(event["message"] for event in recorded if event["type"] == "message.delivered")
    assert max(accepted.values()) == max(done.values()) == 1
    assert accepted == done, "each was accepted once and delivered once, as far as the store knows"
    assert {event["type"] for event in recorded} <= {"login.succeeded", "message.accepted", "message.delivered"}
    assert set(acknowledged.values()) <= set(accepted)


def arrived(sink: HostileServer) -> Counter[str]:
    """How often each message came to the next server; each time it must be whole."""
    delivered: Counter[str] = Counter()
    for raw in sink.contents:
        _, content = own_field(raw)
        name = name_of(content)
        assert content == content_of(name), f"{name} did not arrive whole"
        delivered[name] += 1
    return delivered
