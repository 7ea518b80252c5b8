"""Making a filter from a downloaded set."""

from __future__ import annotations

import hashlib
import io
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.accounts import breached_build
from mailward.accounts.breached_build import Built, Form, build
from mailward.accounts.breached_filter import BreachedFilter, password_key
from mailward.errors import InputError


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest().upper()


def built(
    path: Path, content: str | bytes, rate: float = 1e-6, at_least: int = 1, form: Form | None = None
) -> tuple[BreachedFilter, Built]:
    octets = content.encode() if isinstance(content, str) else content
    told = build(io.BytesIO(octets), path, rate=rate, at_least=at_least, form=form)
    return BreachedFilter(path), told


def holds(known: BreachedFilter, text: str) -> bool:
    return password_key(text) in known


def test_plain_passwords(tmp_path: Path) -> None:
    """One a line, with either line end, as they are and without regard to capitals."""
    known, told = built(tmp_path / "f", "Kite\r\notter\n\nпароль\nlast one")

    assert all(holds(known, each) for each in ("Kite", "kite", "otter", "пароль", "last one"))
    assert not holds(known, "Kite\r")
    assert not holds(known, "KITE")
    assert (told.lines, told.skipped, told.entries) == (5, 1, 5)


def test_hashes_with_counts(tmp_path: Path) -> None:
    """SHA1:COUNT as the Pwned Passwords download has it, in any order, each kept once."""
    lines = [f"{sha1('kite')}:3", f"{sha1('otter').lower()}:100", f"{sha1('kite')}:3", sha1("amber"), "rubbish"]
    known, told = built(tmp_path / "f", "\r\n".join(lines))

    assert all(holds(known, each) for each in ("kite", "otter", "amber"))
    assert not holds(known, "rubbish")
    assert (told.lines, told.skipped, told.entries) == (5, 1, 3)


def test_only_what_was_seen_often(tmp_path: Path) -> None:
    """at_least leaves out what was counted fewer times."""
    known, told = built(tmp_path / "f", f"{sha1('kite')}:9\n{sha1('otter')}:10\n", at_least=10)

    assert (holds(known, "kite"), holds(known, "otter"), told.skipped) == (False, True, 1)


def test_a_password_that_looks_like_a_hash(tmp_path: Path) -> None:
    """form says what the lines are when the first one misleads."""
    known, _ = built(tmp_path / "f", f"{sha1('kite')}\notter\n", form="plain")

    assert holds(known, sha1("kite"))
    assert holds(known, "otter")
    assert not holds(known, "kite")


def test_octets_that_are_no_text(tmp_path: Path) -> None:
    """Lists hold them; they are kept as octets and do no harm."""
    known, told = built(tmp_path / "f", b"kite\n\xff\xfe\n")

    assert holds(known, "kite")
    assert told.skipped == 0


def test_ntlm_is_refused(tmp_path: Path) -> None:
    """Nothing could be compared with it, so it says what to download instead."""
    with pytest.raises(InputError, match="NTLM") as caught:
        built(tmp_path / "f", "32ED87BDB5FDC5E9CBA88547376818D4:3\n")

    assert "SHA-1" in caught.value.advice
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "\n\n", b"\x00" * (3 << 20)])
def test_no_list(tmp_path: Path, content: str | bytes) -> None:
    """An empty file and one without lines are no list; nothing is left behind."""
    with pytest.raises(InputError):
        built(tmp_path / "f", content)

    assert list(tmp_path.iterdir()) == []


def test_a_rate_beyond_the_format(tmp_path: Path) -> None:
    """It is said before anything is read."""
    with pytest.raises(InputError, match="rate"):
        built(tmp_path / "f", "kite\n", rate=1e-12)


class Torn(io.BytesIO):
    """Ends in an error after its first piece."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError(5, "Input/output error")
        return super().read(10)


def test_the_old_filter_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """An error in the middle changes nothing and leaves nothing behind."""
    built(tmp_path / "f", "kite\n")
    before = (tmp_path / "f").read_bytes()

    with pytest.raises(OSError, match="Input/output"):
        build(Torn(b"otter\n" * 10), tmp_path / "f")

    assert (tmp_path / "f").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_progress(tmp_path: Path) -> None:
    """It is told the octets read, in the end all of them."""
    told: list[int] = []
    content = (b"kite" * 50 + b"\n") * 20_000
    build(io.BytesIO(content), tmp_path / "f", progress=told.append)

    assert len(told) >= 3
    assert told == sorted(told)
    assert told[-1] == len(content)


def test_parts_within_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that is too large to be sorted at once is parted again, down to a key that comes a thousand times."""
    monkeypatch.setattr(breached_build, "_SORTED_AT_ONCE", 3)
    passwords = [f"kite{number}" for number in range(3000)]
    known, told = built(tmp_path / "f", "\n".join(passwords + ["otter"] * 1000))

    assert told.entries == 3001
    assert all(holds(known, each) for each in (*passwords, "otter"))
    known.verify()


class Numbered(io.BytesIO):
    """A set of `count` hashes that is never in memory."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._lines = (
            hashlib.sha1(b"%d" % number, usedforsecurity=False).hexdigest().encode() + b":1\n"
            for number in range(count)
        )
        self._left = b""

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        while len(self._left) < size and (more := b"".join(self._some())):
            self._left += more
        piece, self._left = self._left[:size], self._left[size:]
        return piece

    def _some(self) -> Iterator[bytes]:
        for _, line in zip(range(2000), self._lines, strict=False):
            yield line


@pytest.mark.slow
def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the set does not take ten times the memory."""
    monkeypatch.setattr(breached_build, "_SORTED_AT_ONCE", 1 << 10)
    peaks = []
    for count in (10_000, 100_000):
        tracemalloc.start()
        build(Numbered(count), tmp_path / "f")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 2 * peaks[0] + (8 << 20)
    assert peaks[1] < 40 << 20


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.07, 1e-3, 1e-6])
def test_false_positives(tmp_path: Path, rate: float) -> None:
    """Of 200,000 entries every one is found, and of strangers no more than promised, and no more than asked for."""
    chance = random.Random(7)
    known, told = built(tmp_path / "f", "\n".join(f"{chance.randbytes(20).hex()}:1" for _ in range(200_000)), rate=rate)
    chance = random.Random(7)
    missing = sum(int.from_bytes(chance.randbytes(20)[:8], "big") not in known for _ in range(200_000))
    wrong = sum(chance.getrandbits(64) in known for _ in range(200_000))

    expected = told.rate * 200_000
    assert missing == 0
    assert told.rate <= rate
    assert told.entries == 200_000
    assert abs(wrong - expected) <= 4 * expected**0.5 + 0.05 * expected + 1
    known.close()


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), min_size=1, max_size=20),
        min_size=1,
    )
)
def test_nothing_is_lost(tmp_path_factory: pytest.TempPathFactory, passwords: list[str]) -> None:
    """Every password that went in is found."""
    known, _ = built(tmp_path_factory.mktemp("built") / "f", "\n".join(passwords), form="plain")

    assert all(holds(known, each) for each in passwords)
    known.close()
