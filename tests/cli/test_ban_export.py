"""Bans as other programs take them."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from mailward.cli.ban_export import FORMS, Exported, collected, network_of, written
from tests.support.peers import peer

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BANS = [("ip:192.0.2.7", NOW.timestamp() + 1800.9), ("ip:2001:db8::/64", NOW.timestamp() + 9e6)]
HOSTILE = ["account:ann@example.test", "ip:192.0.2.7; rm -rf /", "ip:\n192.0.2.9", "ip:", "192.0.2.7", "ip:a REJECT"]


def exported(*ports: int) -> Exported:
    return collected(BANS, NOW, ports or (25, 465, 587))


@pytest.mark.parametrize("subject", HOSTILE)
def test_text_of_others_gets_nowhere(subject: str) -> None:
    """What is no parsed address is in no format, whatever is in the database."""
    assert network_of(subject) is None
    for form in FORMS:
        told = written(collected([(subject, NOW.timestamp() + 60)], NOW, (25,)), form)
        assert "rm" not in told.split()
        assert "192.0.2" not in told


@pytest.mark.parametrize("form", [form for form in FORMS if form != "json"])
def test_a_heading_says_when(form: str) -> None:
    """Each begins with a comment: how many, and at what time."""
    heading = written(exported(), form).splitlines()[0]

    assert heading == "# bans of Mailward: 2, at 2026-05-01T12:00:00Z; written anew by: mailward bans export"


def test_plain() -> None:
    """One address a line, IPv6 as its /64."""
    assert written(exported(), "plain").splitlines()[1:] == ["192.0.2.7", "2001:db8::/64"]


def test_json() -> None:
    """With the whole seconds that are left."""
    assert json.loads(written(exported(), "json")) == {
        "time": "2026-05-01T12:00:00Z",
        "ports": [25, 465, 587],
        "bans": [
            {"address": "192.0.2.7", "seconds": 1800},
            {"address": "2001:db8::/64", "seconds": 9_000_000},
        ],
    }


def test_hosts_deny() -> None:
    """Mail servers only, IPv6 in brackets (hosts_access(5))."""
    assert written(exported(), "hosts-deny").splitlines()[1:] == [
        "smtpd exim exim4 sendmail : 192.0.2.7",
        "smtpd exim exim4 sendmail : [2001:db8::]/64",
    ]


def test_ipset_fills_before_it_swaps() -> None:
    """The sets in force are never half full; no time is longer than ipset has room for."""
    lines = written(exported(), "ipset").splitlines()

    assert lines.index("add mailward4-new 192.0.2.7 timeout 1800") < lines.index("swap mailward4-new mailward4")
    assert "add mailward6-new 2001:db8::/64 timeout 2147483" in lines
    assert "--dports 25,465,587 " in lines[1]


def test_only_mail_is_kept_away() -> None:
    """nftables drops what goes to the ports of mail, and nothing else."""
    rules = [line.strip() for line in written(exported(25, 2525), "nftables").splitlines() if "drop" in line]

    assert rules == [
        "tcp dport { 25, 2525 } ip saddr @banned4 drop",
        "tcp dport { 25, 2525 } ip6 saddr @banned6 drop",
    ]


@cache
def _network_of_its_own() -> tuple[str, ...]:
    for command in (("unshare", "--net"), ("unshare", "--net", "--map-root-user")):
        if subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0:
            return command
    pytest.skip("this machine gives no network of its own, and the firewall of the machine is not ours")


@pytest.mark.e2e
@pytest.mark.peer("nft")
@pytest.mark.parametrize("bans", [BANS, []], ids=["some", "none"])
def test_nft_takes_it(tmp_path: Path, bans: list[tuple[str, float]]) -> None:
    """Twice over, the second time in place of the first; what is in force then is what was written."""
    file = tmp_path / "bans.nft"
    file.write_text(written(collected(bans, NOW, (25, 465, 587)), "nftables"))
    nft = str(peer("nft"))
    script = f"set -e; {nft} -c -f {file}; {nft} -f {file}; {nft} -f {file}; {nft} list table inet mailward"

    done = subprocess.run(
        [*_network_of_its_own(), "sh", "-c", script], check=False, capture_output=True, text=True, timeout=30
    )

    assert done.returncode == 0, done.stderr
    assert ("192.0.2.7" in done.stdout) == ("2001:db8::/64" in done.stdout) == bool(bans)
    assert len(re.findall(r"dport \{ 25, 465, 587 \}", done.stdout)) == 2


@pytest.mark.e2e
@pytest.mark.peer("ipset")
def test_ipset_takes_it(tmp_path: Path) -> None:
    """Twice over, the second time in place of the first: whoever is no longer banned is gone."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(written(exported(), "ipset"))
    second.write_text(written(collected(BANS[1:], NOW, (25,)), "ipset"))
    ipset = str(peer("ipset"))
    script = f"set -e; {ipset} restore < {first}; {ipset} list; echo then; {ipset} restore < {second}; {ipset} list"

    done = subprocess.run(
        [*_network_of_its_own(), "sh", "-c", script], check=False, capture_output=True, text=True, timeout=30
    )

    assert done.returncode == 0, done.stderr
    before, _, after = done.stdout.partition("then")
    assert "192.0.2.7 timeout 1" in before
    assert "192.0.2.7" not in after
    assert "2001:db8::/64 timeout" in after
    assert "-new" not in done.stdout


@pytest.mark.e2e
@pytest.mark.peer("postfix")
@pytest.mark.parametrize(
    "address, answer", [("192.0.2.7", "REJECT"), ("2001:db8::42", "REJECT"), ("192.0.2.8", ""), ("2001:db8:0:1::1", "")]
)
def test_postfix_takes_it(tmp_path: Path, address: str, answer: str) -> None:
    """Postfix finds the banned ones in the CIDR table, and no neighbour."""
    file = tmp_path / "bans.cidr"
    file.write_text(written(exported(), "postfix-cidr"))
    (tmp_path / "main.cf").write_text("")
    command = [str(peer("postfix").with_name("postmap")), "-c", str(tmp_path), "-q", address, f"cidr:{file}"]

    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)

    assert done.stdout.strip() == answer
    assert "bad" not in done.stderr
