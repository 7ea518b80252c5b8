"""Questions about servers, one call each."""

from __future__ import annotations

import traceback

import pytest

from mailward.client import asking
from mailward.client.knowledge import explain
from mailward.errors import InputError
from mailward.net.query import Dns
from tests.support.certificates import authority
from tests.support.hostile import Script, hostile_server
from tests.support.name_server import NameServer


def test_check() -> None:
    """With the options of a client, its login too."""
    with hostile_server(Script(tls="starttls", auth=("SCRAM-SHA-256",))) as server:
        report = asking.check(
            "localhost", server.port, ca=authority().pem, auth=("ann@example.test", "correct horse"), memory=False
        )

    assert report.ok
    assert [step.name for step in report.steps][-1] == "login"
    assert server.verbs[-1] == "QUIT"
    assert "MAIL" not in server.verbs


def test_a_check_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no option is told before anything is opened, and no frame keeps the password."""
    monkeypatch.delenv("MAILWARD_PASSWORD", raising=False)
    with pytest.raises(InputError) as caught:
        asking.check("smtps://ann:hunter2@h.example", timeout=-1)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [
        str(frame.locals) for frame in frames.stack if "/mailward/" in frame.filename and "tests" not in frame.filename
    ]
    assert ours
    assert "hunter2" not in "".join(ours)


def test_discover() -> None:
    """The server that the domain's own record names, with the options of a client."""
    with NameServer() as names, hostile_server(Script(tls="starttls")) as server:
        names.zone["_submission._tcp.localhost", "SRV"] = (300, [f"0 1 {server.port} localhost."])
        first, *others = asking.discover(
            "ann@localhost",
            ca=authority().pem,
            dns=Dns(("127.0.0.1",), names.port),
            resolve=lambda host, _port: ["127.0.0.1"] if host == "localhost" else [],
            proxy="env",  # so that no file is asked for; there is none
            memory=False,
        )

    assert (first.url, first.works, first.ours) == (f"smtp://ann%40localhost@localhost:{server.port}", True, True)
    assert not any(each.works for each in others)


def test_explain() -> None:
    """As the knowledge base does."""
    assert asking.explain is explain
    assert asking.explain("535 5.7.8 no")[0].cause
