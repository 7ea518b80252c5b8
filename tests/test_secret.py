"""A secret is nowhere but where it is revealed."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from mailward.secret import Secret

CANARY = "canary-7f3a"


def test_it_is_never_shown() -> None:
    """repr, str, format and f-strings hide it."""
    secret = Secret(CANARY)

    assert CANARY not in f"{secret} {secret!r} {secret!s} {secret:>40} {[secret]}"
    assert secret.reveal() == CANARY


@pytest.mark.parametrize("copier", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_cannot_be_copied_out(copier) -> None:  # type: ignore[no-untyped-def]
    """Pickles go to disks and queues."""
    with pytest.raises(TypeError, match="cannot be pickled") as caught:
        copier(Secret(CANARY))
    assert CANARY not in str(caught.value)


def test_it_is_no_key_and_compares_by_value() -> None:
    """Unhashable, so that no dictionary keeps it; equal only to a secret."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    with pytest.raises(TypeError):
        hash(Secret("a"))
    assert not Secret("")


def test_a_traceback_with_locals_does_not_show_it() -> None:
    """Crash reporters print the locals of each frame."""
    try:
        password = Secret(CANARY)
        raise ValueError(password)
    except ValueError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert CANARY not in "".join(told.format())


def test_of_takes_both() -> None:
    """A secret stays the one it is."""
    secret = Secret("a")

    assert Secret.of(secret) is secret
    assert Secret.of("a") == secret
