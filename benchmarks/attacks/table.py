"""The simulator's figures as a table, for people and for the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.attacks.simulate import Figures

_HEAD = ("scenario", "defence", "guesses heard", "most a day and account", "honest refused", "stopped after", "memory")


def markdown(figures: Sequence[Figures]) -> str:
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + "---|" * len(_HEAD)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in _rows(figures)]) + "\n"


def _rows(figures: Sequence[Figures]) -> Iterator[tuple[str, ...]]:
    before = ""
    for each in figures:
        yield (
            f"**{each.story}**: {each.told}" if each.story != before else "",
            each.defence,
            f"{each.guesses:,} of {each.tries:,}",
            f"{each.worst:,}",
            f"{each.refused:,} of {each.honest:,}",
            _after(each),
            f"{each.memory / 2**20:.1f} MiB",
        )
        before = each.story


def _after(each: Figures) -> str:
    if not each.tries:
        return "no attack"
    if each.detected is None:
        return "never"
    return f"{each.detected / 60:.0f} min" if each.detected >= 120 else f"{each.detected:.0f} s"
