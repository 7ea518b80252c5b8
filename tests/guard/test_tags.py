"""Which wrong passwords an account has heard before."""

from __future__ import annotations

import gc

from mailward.guard.tags import WrongPasswords
from mailward.secret import Secret

CANARY = "canary-ZmFsc2UgcGFzc3dvcmQ"


def test_the_same_again_is_known() -> None:
    """A wrong password is new once, for each account."""
    wrong = WrongPasswords(b"k", limit=10)

    heard = [wrong.heard(account, Secret(text)) for account, text in [("a", "x"), ("a", "y"), ("a", "x"), ("b", "x")]]

    assert heard == [False, False, True, False]


def test_the_last_32_are_kept() -> None:
    """The 33rd pushes out the one not heard for longest."""
    wrong = WrongPasswords(b"k", limit=10)
    for number in range(32):
        wrong.heard("a", Secret(f"wrong {number}"))
    wrong.heard("a", Secret("wrong 0"))
    wrong.heard("a", Secret("one more"))

    assert wrong.heard("a", Secret("wrong 0"))
    assert not wrong.heard("a", Secret("wrong 1"))


def test_memory_is_bounded() -> None:
    """Never more accounts than the limit."""
    wrong = WrongPasswords(b"k", limit=10)
    for number in range(100):
        wrong.heard(f"account {number}", Secret("x"))

    assert len(wrong) == 10


def test_no_password_is_kept() -> None:
    """What stays in memory is two octets a password, whatever the password holds."""
    wrong = WrongPasswords(b"k", limit=10)
    wrong.heard("a", Secret(CANARY))
    wrong.heard("a", Secret("\udcff"))

    kept = gc.get_referents(wrong._tags)
    assert CANARY not in repr(vars(wrong))
    assert {len(tag) for tags in kept if isinstance(tags, tuple) for tag in tags} == {2}
