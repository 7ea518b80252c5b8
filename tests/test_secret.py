"""A secret is nowhere but where it is revealed."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mailward.secret import Secret

CANARY = "canary-7f3a"


@dataclasses.dataclass
class Holder:
    secret: Secret


def test_it_is_never_shown() -> None:
    """repr, str, format and f-strings hide it."""
    secret = Secret(CANARY)

    assert CANARY not in f"{secret} {secret!r} {secret!s} {secret:>40} {[secret]}"
    assert secret.reveal() == CANARY


@pytest.mark.parametrize(
    "copier",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        vars,
        lambda secret: secret.__getstate__(),
        lambda secret: dataclasses.asdict(Holder(secret)),
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
        list,
        len,
        bytes,
        "".join,
        lambda secret: secret + "",
        lambda secret: secret < Secret("b"),
        lambda secret: CANARY in secret,
    ],
    ids=range(17),
)
def test_it_cannot_be_copied_out(copier: Callable[[Any], object]) -> None:
    """Neither by what goes to disks, queues and logs, nor by an operation that takes it for a text."""
    with pytest.raises(TypeError) as caught:
        copier(Secret(CANARY))
    assert CANARY not in str(caught.value)


def test_it_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """As an argument, in a message, or as a field of the record."""
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("%s %r", Secret(CANARY), [Secret(CANARY)])
        logging.getLogger("test").error("fields", extra={"secret": Secret(CANARY)})

    assert CANARY not in caplog.text + repr([vars(record) for record in caplog.records])
    assert len(caplog.records) == 2


def test_half_of_a_surrogate_pair() -> None:
    """An encoding error would carry the text; there is none."""
    assert Secret(f"{CANARY}\ud800") == Secret(f"{CANARY}\ud800")
    assert Secret(f"{CANARY}\ud800") != Secret(CANARY)


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
