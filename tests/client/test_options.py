"""What a client is told is checked before anything is opened."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailward import AsyncClient, Client, InvalidUrl, send
from mailward.client.limits import Limits
from mailward.client.options import Timeout, client_options
from mailward.errors import InputError
from mailward.net.blocking import BlockingPorts, run_blocking
from mailward.sasl.mechanism import Credentials
from mailward.secret import Secret
from tests.support.sending import MESSAGE

CANARY = "hunter2hunter2"
URL = f"smtps://ann:{CANARY}@mail.example.test"
AUTH = ("ann", CANARY)


def test_a_number_is_the_total() -> None:
    """The other times keep their defaults."""
    assert Timeout.of(5) == Timeout(total=5)
    assert Timeout.of(None) == Timeout()
    assert Timeout.of(Timeout(connect=1)) == Timeout(connect=1)
    assert Timeout().total == 900


def test_no_total_is_allowed_by_name() -> None:
    """A client without a total deadline must be asked for."""
    assert Timeout(total=None).total is None


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "5"])
@pytest.mark.parametrize("name", ["total", "connect", "greeting", "command", "data"])
def test_times_are_above_zero(name: str, seconds: Any) -> None:
    """A time that ends before it begins, or never, is a mistake."""
    with pytest.raises(InputError, match=name):
        Timeout(**{name: seconds})


@pytest.mark.parametrize("connections", [0, -1])
def test_limits(connections: int) -> None:
    """At least one connection."""
    with pytest.raises(InputError, match="connections"):
        Limits(connections=connections)


@pytest.mark.parametrize(
    ("url", "auth", "expected"),
    [
        ("h", None, None),
        ("h", ("ann", "pw"), Credentials("ann", Secret("pw"))),
        ("h", ("ann", Secret("pw")), Credentials("ann", Secret("pw"))),
        ("smtps://ann:pw@h", None, Credentials("ann", Secret("pw"))),
        ("smtps://ann@h", ("ann", "pw"), Credentials("ann", Secret("pw"))),
    ],
)
def test_credentials(url: str, auth: Any, expected: Credentials | None) -> None:
    """From the argument, or from the URL."""
    authority = client_options(url, auth=auth).authority
    given = None
    if authority is not None:
        ports = BlockingPorts()
        given = run_blocking(authority.current(ports, until=None, host="h", port=465))

    assert given == (expected and replace(expected, host="h", port=465))


@pytest.mark.parametrize(
    ("url", "auth"),
    [
        ("smtps://ann@h", None),
        ("smtps://ann:pw@h", ("ann", "pw")),
        ("smtps://ann@h", ("bob", "pw")),
        ("h", ("ann", "")),
        ("h", ("", "pw")),
        ("h", ("ann",)),
        ("h", ("ann", "pw", "x")),
        ("h", "ann:pw"),
        ("h", ("ann", b"pw")),
    ],
)
def test_credentials_that_are_refused(url: str, auth: Any) -> None:
    """Said twice, by halves or not at all."""
    with pytest.raises(InputError) as caught:
        client_options(url, auth=auth)

    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"local_address": "localhost"},
        {"local_address": "192.0.2.1:0"},
        {"ehlo_name": "x\r\nMAIL FROM:<e>"},
        {"ehlo_name": ""},
        {"ehlo_name": "a b"},
        {"ca": "/nonexistent/ca.pem"},
        {"timeout": 0},
    ],
)
def test_other_options_that_are_refused(options: dict[str, Any]) -> None:
    """E05 and its kind: nothing of it would ever reach a socket."""
    with pytest.raises(InputError):
        client_options("h", **options)


def test_options_show_no_secret() -> None:
    """Their repr may be logged."""
    assert "hunter2" not in repr(client_options("smtps://ann:hunter2@h"))


def told_below(error: BaseException) -> str:
    """All that a traceback with local variables tells of our frames, and the texts of the error and its chain."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    assert trace is not None, "the error has no frame of ours"
    told = "".join(traceback.TracebackException(type(error), error, trace, capture_locals=True).format())
    chain, left = [], [error]
    while left:
        one = left.pop()
        chain.append(f"{one!r} {one} {vars(one)}")
        left += [before for before in (one.__cause__, one.__context__) if before is not None]
    return told + "\n".join(chain)


REFUSED: list[tuple[str | bytes, Any, dict[str, Any]]] = [
    # the URL itself
    (f"{URL}:99999", None, {}),
    (f"{URL}:", None, {}),
    (f"{URL} ", None, {}),
    (f"{URL}/", None, {"port": 0}),
    (f"{URL}/path", None, {}),
    (f"{URL}#x", None, {}),
    (f"{URL}?tls=none", None, {}),
    (f"{URL}?tls=starttls", None, {}),
    (URL.encode(), None, {}),
    (URL.replace("smtps", "https"), None, {}),
    (URL.replace("smtps://", ""), None, {}),
    (URL.replace("smtps://", "smtps:"), None, {}),
    (f"smtps://ann:{CANARY}@p@h", None, {}),
    (f"smtps://ann:{CANARY}:p@h", None, {}),
    (f"smtps://ann:{CANARY}/p@h", None, {}),
    (f"smtps://ann:{CANARY}?p@h", None, {}),
    (f"smtps://ann:{CANARY}#p@h", None, {}),
    (f"smtps://ann:{CANARY}%zz@h", None, {}),
    (f"smtps://ann:{CANARY}%ff@h", None, {}),
    (f"smtps://ann:{CANARY}%00@h", None, {}),
    (f"smtps://:{CANARY}@h", None, {}),
    (f"smtps://{CANARY}@h", None, {}),
    (f"smtps://{CANARY}:@h", None, {}),
    (f"smtps://ann:{CANARY}@", None, {}),
    (f"smtps://ann:{CANARY}@[::1", None, {}),
    (f"smtps://ann:{CANARY}@a..b", None, {}),
    (f"smtps://ann:{CANARY}@☃.test", None, {}),
    # who logs in
    (URL, AUTH, {}),
    ("smtps://bob@h", AUTH, {}),
    ("h", ("", CANARY), {}),
    ("h", (CANARY,), {}),
    ("h", (*AUTH, "x"), {}),
    ("h", CANARY, {}),
    ("h", ("ann", CANARY.encode()), {}),
    ("a b", AUTH, {}),
    # everything else, with the password in one place or the other
    *(
        (*place, options)
        for place in ((URL, None), ("h", AUTH))
        for options in (
            {"tls": "none"},
            {"tls": "starttls", "ca": b"x"},
            {"timeout": -1},
            {"timeout": "5"},
            {"ca": "/nonexistent/ca.pem"},
            {"ca": b"no certificate"},
            {"port": 0},
            {"port": 99_999},
            {"local_address": "localhost"},
            {"ehlo_name": "a b"},
        )
    ),
]


@pytest.mark.parametrize("begin", [Client, AsyncClient], ids=lambda begin: begin.__name__)
@pytest.mark.parametrize(("url", "auth", "options"), REFUSED)
def test_a_refusal_keeps_no_password(
    begin: Callable[..., object], url: Any, auth: Any, options: dict[str, Any]
) -> None:
    """Neither in the local variables of our frames nor in the error or in what it came from."""
    with pytest.raises(InputError) as caught:
        begin(url, auth=auth, **options)

    assert CANARY not in told_below(caught.value)


@pytest.mark.parametrize(
    ("url", "auth", "options"),
    [row for row in REFUSED if not row[2].keys() & {"port", "local_address", "ehlo_name"}],
)
def test_a_refusal_of_send_keeps_no_password(url: Any, auth: Any, options: dict[str, Any]) -> None:
    """The same for what `send` may be told."""
    with pytest.raises(InputError) as caught:
        send(url, MESSAGE, auth=auth, **options)

    assert CANARY not in told_below(caught.value)


@pytest.mark.parametrize("begin", [Client, AsyncClient], ids=lambda begin: begin.__name__)
@pytest.mark.parametrize(("url", "auth"), [(URL, None), ("h", AUTH)])
@pytest.mark.parametrize("options", [{"port": "587"}, {"ca": 5}, {"limits": 5}, {"ehlo_name": 5}, {"tls": []}])
def test_a_wrong_type_keeps_no_password(
    begin: Callable[..., object], url: str, auth: Any, options: dict[str, Any]
) -> None:
    """Where Python itself refuses what we were given, its traceback is as clean."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # whatever it is
        begin(url, auth=auth, **options)

    assert CANARY not in told_below(caught.value)


def test_the_refusal_still_tells_where() -> None:
    """What was cut are the frames below; the error, its advice and the caller's own frame stay."""
    with pytest.raises(InvalidUrl, match="port is not a number") as caught:
        Client(f"{URL}:99999")

    frames = [Path(frame.filename).name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames == [Path(__file__).name, "facade_sync.py", "options.py"]
    assert caught.value.advice


@pytest.mark.parametrize("kind", [Client, AsyncClient], ids=lambda kind: kind.__name__)
def test_a_client_that_failed_to_begin_has_a_repr(kind: type[Client | AsyncClient]) -> None:
    """A debugger or a traceback may ask for it in the middle of `__init__`."""
    assert repr(kind.__new__(kind)) == f"{kind.__name__}(…)"
