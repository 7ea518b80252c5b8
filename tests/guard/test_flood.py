"""An attack from very many addresses: bounded memory, and nobody's record is washed away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guard.doubles import START, World

ROOT = Path(__file__).parents[2]
MIB = 1 << 20

# In a process of its own: what the whole of it takes is what the kernel says it took at most.
FLOOD = """
import resource, sys
from ipaddress import IPv4Address
from pathlib import Path
import os
from mailward.events import Reason
from mailward.guard.state import GuardState
from mailward.secret import Secret
from tests.guard.doubles import World

number = int(sys.argv[1])
state = GuardState.open(Path(sys.argv[2]), sources=1_000_000, accounts=20_000, key_source=os.urandom)
world = World(state=state)
world.bans.add = lambda *_args, **_more: None
checked = 0
for each in range(number):
    address = IPv4Address(0x0B000000 + each * 2039 % 0x40000000)
    attempt = world.attempt(str(address), f"user{each // 50}@example.test")
    if world.guard.judge(attempt).refused is None:
        world.guard.failed(attempt, Secret(f"{each}"), Reason.UNKNOWN_ACCOUNT)
        checked += 1
    world.clock += 0.0864
sum(state._buffer[:: resource.getpagesize()])  # every page there is, as if each had been written to
status = Path("/proc/self/status").read_text()  # getrusage would tell the most of the process that started this one
print(checked, int(status.partition("VmHWM:")[2].split()[0]) * 1024)
"""


def _flood(path: Path, number: int) -> tuple[int, int]:
    command = [sys.executable, "-c", FLOOD, str(number), str(path)]
    paths = os.pathsep.join((str(ROOT), str(ROOT / "src")))
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths})
    checked, most = told.stdout.split()
    return int(checked), int(most)


@pytest.mark.slow
def test_a_hundred_thousand_addresses(tmp_path: Path) -> None:
    """Fifty on each account: ten guesses are checked there, and the process stays under 200 MiB, state and all."""
    checked, most = _flood(tmp_path / "guard.state", 100_000)

    assert checked == 20_000
    assert most < 200 * MIB


@pytest.mark.slow
@pytest.mark.long
def test_a_million_addresses(tmp_path: Path) -> None:
    """The same, with room for a million records in a file that does not grow."""
    checked, most = _flood(tmp_path / "guard.state", 1_000_000)

    assert checked <= 200_000
    assert (tmp_path / "guard.state").stat().st_size < 80 * MIB
    assert most < 200 * MIB


def test_a_flood_does_not_wash_away_an_account_under_attack() -> None:
    """Ten guesses at a real account, then five thousand invented names: it is still closed to strangers."""
    world = World()
    for number in range(10):
        assert world.guesses(1, f"198.51.{number}.7") == 1
    for number in range(5000):
        world.guesses(1, f"10.{number // 250}.{number % 250}.7", f"invented{number}@example.test")

    assert world.guesses(1, "203.0.113.1") == 0
    assert len(world.state.ledgers) <= 1024
    assert len(world.state.scores) <= 4096


def test_a_flood_does_not_end_a_ban() -> None:
    """Nor is it forgotten how often a source was banned."""
    world = World()
    for number in range(2):
        world.guesses(5, account=f"user{number}@example.test")
        world.clock = START + 1800 * (number + 1)
    for number in range(5000):
        world.guesses(1, f"10.{number // 250}.{number % 250}.7", f"invented{number}@example.test")

    assert world.guesses(1, account="new@example.test") == 0
    assert world.bans.times["ip:192.0.2.7"] == 2
