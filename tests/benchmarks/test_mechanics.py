from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import bulk, client, crowd, footprint, metering, page, report, server
from benchmarks.program import ROOT, Program
from benchmarks.results import Plan, Results, Run
from benchmarks.rounds import turned
from benchmarks.workers.log_in import LOADS, THREADS
from tests.support.installation import until


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What the quick mode leaves."""
    file = tmp_path_factory.mktemp("benchmarks") / "out.json"
    command = [sys.executable, "-m", "benchmarks", "all", "--quick", "--out", str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    return Results.decode(file.read_bytes())


def run(subject: str, number: int, *, seconds: float, cpu: float) -> Run:
    return Run(part="server", subject=subject, case="1 KiB", round=number, count=1000, seconds=seconds, cpu=cpu)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.e2e
@pytest.mark.peer("postfix")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start Postfix")
class TestQuickMode:
    def test_everyone_takes_part(self, results: Results) -> None:
        """Every peer meets every case once in each round."""
        met = Counter((run.part, run.subject, run.case) for run in results.runs)
        servers = {("server", name, str(case)) for name in server.PEERS for case in server.QUICK}
        clients = {("client", name, str(case)) for name in client.CLIENTS for case in client.QUICK}
        bulks = {("bulk", name, str(case)) for name in bulk.CLIENTS for case in bulk.QUICK}
        crowds = {("crowd", name, case) for name in crowd.CLIENTS for case in crowd.QUICK}
        feet = {("footprint", footprint.SUBJECT, case) for case in footprint.cases(results.plan)}
        kinds = {("logins", name, f"{THREADS} clients") for name in LOADS}

        everyone = servers | clients | bulks | crowds | feet | kinds

        assert results.absent.keys() <= {bulk.NODEMAILER}  # the only one that is not a package of pip or of Debian
        assert set(met) == {one for one in everyone if one[1] not in results.absent}
        assert set(met.values()) == {results.plan.rounds}

    def test_runs_are_measures(self, results: Results) -> None:
        """Every run did something, in some time and for some CPU; what is kept was found on disk."""
        keepers = {server.OURS, server.POSTFIX, server.SYNCED, "SCRAM-SHA-256-PLUS", "PLAIN", "refused, source banned"}

        assert [run for run in results.runs if run.count < 1 or run.seconds <= 0 or run.cpu <= 0] == []
        serving = [run for run in results.runs if run.part != footprint.PART]
        assert [run for run in serving if run.stored != (run.count if run.subject in keepers else None)] == []

    def test_a_large_attachment_is_not_held(self, results: Results) -> None:
        """A message with 64 MiB attached grows the process by less than half of that."""
        grown = [run.grown for run in results.runs if run.grown is not None]

        assert len(grown) == results.plan.rounds
        assert max(grown) < 32 * 2**20

    def test_the_machine_is_told(self, results: Results) -> None:
        """Nobody reads a figure without the machine and the versions it belongs to."""
        expected = {"processor", "cores", "kernel", "file_system", "fsync_ms", "python", "mailward", "postfix"}

        assert expected <= results.machine.keys()
        assert "" not in results.machine.values()
        assert "These are no figures to go by" in report.markdown(results)


@pytest.mark.e2e
@pytest.mark.parametrize("meter", [metering.CgroupMeter, metering.ProcMeter])
def test_grandchildren_are_counted_and_ended(meter: type[metering.Meter], tmp_path: Path) -> None:
    """What a program's children use is its CPU, and none of them outlives it."""
    if meter is metering.CgroupMeter and not metering.cgroups_work():
        pytest.skip("no cpuacct cgroup may be made here")
    busy = "while True: pass"
    script = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{busy}']).wait()"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.program.new_meter", meter)
        with Program([sys.executable, "-c", script], log=tmp_path / "log") as program:
            until(lambda: program.cpu() > 0.2)
            members = program.members()

    assert len(members) == 2
    assert [pid for pid in members if Path(f"/proc/{pid}/exe").exists()] == []


def test_each_is_first_once() -> None:
    """Who is measured first changes with the round."""
    assert [turned("abc", number) for number in range(4)] == [list("abc"), list("bca"), list("cab"), list("abc")]


def test_ratios_are_of_the_same_round() -> None:
    """A round in which the whole machine was slow does not change how many times one is faster than another."""
    runs = [
        run(subject, number, seconds=slow * seconds, cpu=slow * cpu)
        for number, slow in enumerate((1.0, 5.0, 1.2), 1)
        for subject, seconds, cpu in ((server.OURS, 0.5, 0.1), (server.POSTFIX, 2.0, 0.8))
    ]
    results = Results(taken="now", plan=Plan(rounds=3), machine={}, cpu_from="here", absent={}, runs=runs)

    told = report.markdown(results)

    assert "| 1 KiB | 4.00× (0.12) |" in told
    assert "| 1 KiB | 1,667 (400–2,000) | 417 (100–500) |" in told
    assert "no figures" not in told


def test_results_come_back() -> None:
    """What --out wrote, --from reads."""
    one = run(server.OURS, 1, seconds=1.0, cpu=0.5)
    results = Results(taken="now", plan=Plan(), machine={"cores": 2}, cpu_from="here", absent={"x": "y"}, runs=[one])

    assert Results.decode(results.encode()) == results


def test_the_page_takes_figures() -> None:
    """Only what is between the marks of docs/benchmarks.md changes, and again the next time."""
    text = page.PAGE.read_text()

    once = page.replaced(text, "figures one\n")
    twice = page.replaced(once, "figures two\n")

    assert "figures one" not in twice
    assert twice == page.replaced(text, "figures two\n")
    assert twice.partition(page.BEGIN)[0] == text.partition(page.BEGIN)[0]
    assert twice.rpartition(page.END)[2] == text.rpartition(page.END)[2]
