"""Fuzz every target in fuzz/targets for a bounded time; a crash is kept in fuzz/crashes and ends the run with 1.

A target is a file with `def target(data: bytes) -> None`, which raises only what is a bug, and `SEEDS: list[bytes]`.
With atheris the code under test is instrumented and guided by coverage; without it, seeds are mutated by a seeded
random source. `--replay TARGET FILE` runs one kept input.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import random
import re
import runpy
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
TARGETS = Path(__file__).parent / "targets"
CRASHES = Path(__file__).parent / "crashes"
TOKENS = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b".",
    b"\r\n.\r\n",
    b"<",
    b">",
    b"@",
    b'"',
    b"\\",
    b"=",
    b"-",
    b" ",
    b"\t",
    b"250 ",
    b"\xff",
    b"\xe2\x80\x8b",
)
LONGEST = 8192


class Target(NamedTuple):
    """What a target file says."""

    run: Callable[[bytes], None]
    seeds: list[bytes]


def load(path: Path) -> Target:
    sys.path.insert(0, str(ROOT))  # a target may use the tests' model of a dialogue
    names = runpy.run_path(str(path))
    return Target(names["target"], list(names["SEEDS"]))


def mutate(data: bytes, seeds: list[bytes], chance: random.Random) -> bytes:
    """A few cuts, flips, copies, tokens and splices."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        place = chance.randint(0, len(changed))
        end = min(len(changed), place + chance.randint(0, 8))
        match chance.randrange(6):
            case 0:
                del changed[place:end]
            case 1:
                changed[place:end] = chance.randbytes(end - place)
            case 2:
                changed[place:place] = chance.choice(TOKENS)
            case 3:
                changed[place:place] = changed[place:end] * chance.randint(1, 64)
            case 4:
                other = chance.choice(seeds)
                changed[place:] = other[chance.randint(0, len(other)) :]
            case _ if place < len(changed):
                changed[place] ^= 1 << chance.randrange(8)
            case _:
                changed.append(chance.randrange(256))
    return bytes(changed[:LONGEST])


def fuzz_with_mutations(path: Path, crashes: Path, *, seconds: float, seed: int) -> None:
    """Without atheris. A crash is kept and raised."""
    target = load(path)
    seeds = target.seeds or [b""]
    chance = random.Random(seed)
    end = time.monotonic() + seconds
    runs = 0
    data = b""
    try:
        for data in seeds:
            target.run(data)
        while time.monotonic() < end:
            data = mutate(chance.choice(seeds), seeds, chance)
            target.run(data)
            runs += 1
    except BaseException:
        crashes.mkdir(exist_ok=True)
        (crashes / f"{path.stem}-crash-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)
        raise
    print("number_of_executed_units:", runs + len(seeds))


def fuzz_with_atheris(path: Path, crashes: Path, *, seconds: float, seed: int) -> None:
    """Guided by coverage of mailward; libFuzzer ends the process."""
    import atheris  # noqa: PLC0415  # absent on some machines

    with atheris.instrument_imports(include=["mailward"], enable_loader_override=False):
        target = load(path)
    crashes.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, data in enumerate(target.seeds):
            (Path(corpus) / str(number)).write_bytes(data)
        flags = (
            f"-max_total_time={int(seconds)}",
            f"-seed={seed}",
            f"-max_len={LONGEST}",
            "-timeout=10",
            "-rss_limit_mb=1024",
        )
        atheris.Setup(
            [
                path.stem,
                *flags,
                "-print_final_stats=1",
                "-verbosity=0",
                f"-artifact_prefix={crashes}/{path.stem}-",
                corpus,
            ],
            target.run,
        )
        atheris.Fuzz()


def fuzz_alone(path: Path, arguments: argparse.Namespace) -> bool:
    """One target in a process of its own; tells how it went."""
    command = [sys.executable, __file__, "--in-process", str(path), "--seconds", str(arguments.seconds)]
    command += ["--engine", arguments.engine, "--seed", str(arguments.seed), "--crashes", str(arguments.crashes)]
    started = time.monotonic()
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    took = time.monotonic() - started
    if done.returncode == 0:
        inputs = re.search(r"number_of_executed_units:\s*(\d+)", done.stdout)
        ran = inputs[1] if inputs else "?"
        print(f"fuzz {path.stem}: {ran} inputs in {took:.0f} s, no crash ({arguments.engine})", flush=True)
        return True
    print(done.stdout[-6000:])
    kept = sorted(arguments.crashes.glob(f"{path.stem}-*"), key=lambda file: file.stat().st_mtime)
    replay = f"; replay: python fuzz/run.py --replay {path} {kept[-1]}" if kept else ""
    print(f"fuzz {path.stem}: CRASH{replay}", flush=True)
    return False


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    parser.add_argument("--targets", type=Path, default=TARGETS, help="folder of targets")
    parser.add_argument("--only", action="append", default=[], help="a target's name; may be repeated")
    parser.add_argument("--engine", choices=("atheris", "mutations"), default=_engine())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--crashes", type=Path, default=CRASHES)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--replay", nargs=2, type=Path, metavar=("TARGET", "FILE"))
    parser.add_argument("--in-process", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _engine() -> str:
    return "atheris" if importlib.util.find_spec("atheris") else "mutations"


def main(arguments: argparse.Namespace) -> int:
    if arguments.replay:
        path, kept = arguments.replay
        load(path).run(kept.read_bytes())
        return 0
    if arguments.in_process:
        fuzz = fuzz_with_atheris if arguments.engine == "atheris" else fuzz_with_mutations
        fuzz(arguments.in_process, arguments.crashes, seconds=arguments.seconds, seed=arguments.seed)
        return 0
    paths = sorted(path for path in arguments.targets.glob("*.py") if not arguments.only or path.stem in arguments.only)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        went_well = list(pool.map(lambda path: fuzz_alone(path, arguments), paths))
    print(f"fuzz: {len(paths)} targets, {went_well.count(False)} crashed")
    return 0 if paths and all(went_well) else 1


if __name__ == "__main__":
    sys.exit(main(parse(sys.argv[1:])))
