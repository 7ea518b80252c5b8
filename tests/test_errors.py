"""The exception tree: drawn in its docstring, and true."""

from __future__ import annotations

import re

import pytest

from mailward import errors
from mailward.errors import InvalidConfig, MailwardError, PasswordRefused


def _tree() -> dict[str, str]:
    """Each name of the drawing and the one it hangs on."""
    parents: list[tuple[int, str]] = []
    drawn = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"([ │├└─]*)([A-Z]\w+)", line)
        if found is None or ("Error" not in line and "─" not in line):
            continue
        depth = len(found[1])
        while parents and parents[-1][0] >= depth:
            parents.pop()
        if parents:
            drawn[found[2]] = parents[-1][1]
        parents.append((depth, found[2]))
    return drawn


def test_the_drawing_is_the_tree() -> None:
    """Every class stands in the docstring under its base, and nothing else does."""
    real = {
        name: kind.__bases__[0].__name__
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, MailwardError) and kind is not MailwardError
    }

    assert _tree() == real


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("InputError", ValueError),
        ("ConnectError", OSError),
        ("ConnectionLost", ConnectionError),
        ("DeadlineExceeded", TimeoutError),
    ],
)
def test_builtin_handlers_catch_them(name: str, builtin: type[Exception]) -> None:
    """Who catches the standard exception catches ours."""
    assert issubclass(getattr(errors, name), builtin)


def test_what_an_error_carries() -> None:
    """Phase, codes, whether to try again, and what to do; each class has its own defaults."""
    error = errors.AuthUnavailable("later", phase="auth", code=454, enhanced_code="4.7.0", advice="wait")

    assert (error.phase, error.code, error.enhanced_code, error.advice) == ("auth", 454, "4.7.0", "wait")
    assert error.retryable
    assert not errors.BadCredentials("no").retryable
    assert errors.PermanentReply("no", retryable=True).retryable


def test_faults_of_a_configuration_know_their_place() -> None:
    """File, line and key are attributes, not only words."""
    error = InvalidConfig("a.toml:3: port", file="a.toml", line=3, key="listener[0].port")

    assert (error.file, error.line, error.key) == ("a.toml", 3, "listener[0].port")


def test_a_refused_password_tells_every_reason_and_no_password() -> None:
    """All reasons at once, in the message too."""
    error = PasswordRefused(("too short", "too common"))

    assert error.reasons == ("too short", "too common")
    assert "too short; too common" in str(error)
