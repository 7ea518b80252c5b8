"""Taking the decoration off a password."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.accounts.stems import folded, letters, stems, unmasked


@pytest.mark.parametrize(
    "password,stem",
    [
        ("Summer2024!", "summer"),
        ("P4ssw0rd!!", "password"),
        ("p@$$w0rd", "password"),
        ("5ummer-2024", "summer"),
        ("!!1l0v3y0u!!", "iloveyou"),
        ("passwordpassword", "password"),
        ("PassWord99PassWord99", "password"),
        ("M-o-n-k-e-y", "monkey"),
        ("Müller1987", "muller"),
        ("dragon-19.08.1987", "dragon"),
        ("2024letmein2024", "letmein"),
        ("ＳＵＭＭＥＲ", "summer"),
        ("abc123!!!", "abc123"),
        ("g0ld3nb0y", "goldenboy"),
        ("B!gb1rd", "bigbird"),
    ],
)
def test_stem(password: str, stem: str) -> None:
    """Capitals, look-alikes, digits and signs around it, doubling, separators and accents come off."""
    assert stem in set(stems(password))


@pytest.mark.parametrize(
    "password", ["kite-9f3m-amber-72qd-otter", "dragon 83920174659 and 20", "a1b2c3d4e5f6g7h8i9j0k1"]
)
def test_what_is_more_than_decoration_stays(password: str) -> None:
    """A password that merely holds a common word is no variant of it."""
    assert not {"dragon", "amber", "otter", "kite"} & set(stems(password))


def test_short_stems_are_none() -> None:
    """Three letters say nothing."""
    assert "ann" not in set(stems("ann1234!"))


@given(st.text(max_size=300))
def test_bounded(password: str) -> None:
    """Whatever the text, a few dozen different stems, none of them the text itself."""
    found = list(stems(password))

    assert len(found) == len(set(found)) <= 80
    assert password not in found
    assert all(len(stem) >= 4 for stem in found)


def test_readings() -> None:
    """A 1 may be an l or an i; what it says as it stands comes first."""
    assert unmasked("M1ll3r")[0] == "m1ll3r"
    assert "miller" in unmasked("M1ll3r")
    assert "lol" in unmasked("1o1")


def test_folding_and_letters() -> None:
    """ß and ﬁ have one spelling; only letters are left."""
    assert folded("STRAßE ﬁn") == "strasse fin"
    assert letters("a.n-n 7") == "ann"
