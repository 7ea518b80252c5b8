"""OpenSSL as the oracle of DANE: it and we take and refuse the same servers."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from mailward.client.hop_session import HopSession
from mailward.client.plan import Hop, Need
from mailward.client.tls_report import TlsCounter
from mailward.errors import CertificateError
from mailward.net.blocking import BlockingPorts, run_blocking
from mailward.net.ports import Ports
from mailward.records.answer import TlsaRecord
from mailward.records.tls_rpt import AppliedPolicy, PolicyKind
from mailward.records.tlsa import usable
from tests.support.certificates import DAY, NOW, Pair, authority, issue, self_signed
from tests.support.domains import tlsa_of, with_chain, world
from tests.support.peers import peer

NAME = "mx.example.test"
GOOD = issue((NAME,))
OTHER = self_signed((NAME,))
OVER = issue((NAME,), end=NOW - DAY / 2)
ELSEWHERE = issue(("other.test",))


def by_openssl(port: int, record: str) -> bool:
    options = f"-starttls smtp -connect 127.0.0.1:{port} -servername {NAME} -verify_return_error -dane_ee_no_namechecks"
    command = [str(peer("openssl")), "s_client", *options.split(), "-dane_tlsa_domain", NAME]
    command += ["-dane_tlsa_rrdata", record]
    done = subprocess.run(command, input=b"QUIT\r\n", capture_output=True, check=False, timeout=20)
    return b"Verification: OK" in done.stdout and done.returncode == 0


def by_us(record: str, around: Any) -> bool:
    usage, selector, matching, data = record.split()
    records = usable([TlsaRecord(int(usage), int(selector), int(matching), bytes.fromhex(data))])
    if not records:
        return False
    hop = Hop(NAME, ("192.0.2.1",), Need.DANE, AppliedPolicy(PolicyKind.NONE, NAME), (NAME,), records)
    options = around.options()

    async def flow(ports: Ports) -> bool:
        there = around.ports(ports)
        opening = HopSession(hop, options, there, TlsCounter(options.book, there), until=ports.now() + 10)
        try:
            session = await opening.open()
        except CertificateError:
            return False
        await session.end()
        return True

    return run_blocking(flow(BlockingPorts()))


CASES: list[tuple[str, Pair, str, bool]] = [
    *((f"3 {s} {m}", GOOD, tlsa_of(GOOD, 3, s, m), True) for s in (0, 1) for m in (0, 1, 2)),
    *((f"2 {s} {m}", GOOD, tlsa_of(authority(), 2, s, m), True) for s in (0, 1) for m in (0, 1, 2)),
    ("3 other key", GOOD, tlsa_of(OTHER, 3), False),
    ("3 other name", ELSEWHERE, tlsa_of(ELSEWHERE, 3), True),
    ("3 date", OVER, tlsa_of(OVER, 3), True),
    ("3 self-signed", OTHER, tlsa_of(OTHER, 3), True),
    ("2 other name", ELSEWHERE, tlsa_of(authority(), 2), False),
    ("2 date", OVER, tlsa_of(authority(), 2), False),
    ("2 other authority", GOOD, tlsa_of(authority("Another"), 2), False),
    ("2 not signed by it", OTHER, tlsa_of(authority(), 2), False),
]


@pytest.mark.e2e
@pytest.mark.peer("openssl")
@pytest.mark.parametrize(("pair", "record", "good"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_same_verdict(pair: Pair, record: str, good: bool) -> None:
    """For each usage, selector and matching type, and for each way to be wrong."""
    with (
        world() as around,
        around.server(NAME, "192.0.2.1", pair=pair, context=with_chain(pair, authority())) as server,
    ):
        assert (by_us(record, around), by_openssl(server.port, record)) == (good, good)
