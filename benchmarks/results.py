"""What a benchmark leaves: every single run, and the machine and plan it ran under. The tables are made of these."""

from __future__ import annotations

import msgspec


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`seconds`: how long one run shall take, about. `quick`: a try of the mechanics, with fewer cases; no figures."""

    rounds: int = 5
    seconds: float = 1.0
    quick: bool = False


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One subject in one case and round: `count` messages or logins in `seconds`, for `cpu` seconds of its CPU.

    `stored`: how many of them were found on disk afterwards; None for a subject that keeps nothing. `grown`: octets of
    memory it took at the peak, where that was looked at.
    """

    part: str
    subject: str
    case: str
    round: int
    count: int
    seconds: float
    cpu: float
    stored: int | None = None
    grown: int | None = None

    @property
    def rate(self) -> float:
        """Of them in a second."""
        return self.count / self.seconds

    @property
    def cost(self) -> float:
        """CPU milliseconds of each."""
        return 1000 * self.cpu / self.count


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """`cpu_from`: what CPU was read from. `absent`: peers that could not take part, and why."""

    taken: str
    plan: Plan
    machine: dict[str, str | int | float]
    cpu_from: str
    absent: dict[str, str]
    runs: list[Run]

    def of(self, part: str) -> list[Run]:
        return [run for run in self.runs if run.part == part]

    def encode(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    @classmethod
    def decode(cls, data: bytes) -> Results:
        return msgspec.json.decode(data, type=cls)
