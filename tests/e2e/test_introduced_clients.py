"""Whom we speak for, as servers that are not the hostile one of the tests take it: Mailward, and Postfix."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mailward import INSECURE_PLAINTEXT, AuthError, ConnectError
from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import ANN, IMPLICIT, PASSWORD, STARTTLS, free_port
from tests.support.postfix import Postfix
from tests.support.sending import Face, both_faces

PROXY = "127.0.0.5"
STRANGER = "203.0.113.7"
MESSAGE = b"From: ann@example.test\r\nTo: bob@inbox.test\r\nSubject: x\r\n\r\nhello\r\n"


@both_faces
@pytest.mark.parametrize("tls", [STARTTLS, IMPLICIT])
@pytest.mark.parametrize(
    ("door", "option"),
    [
        ("proxy", {"proxy_header": ("v1", f"{STRANGER}:4711", "192.0.2.25:25")}),
        ("proxy", {"proxy_header": ("v2", f"{STRANGER}:4711", "192.0.2.25:25")}),
        ("xclient", {"xclient": {"ADDR": STRANGER, "NAME": None}}),
    ],
)
def test_a_mailward_server_believes_it(face: Face, tls: str, door: str, option: dict[str, Any], tmp_path: Path) -> None:
    """The failed login counts against the client that was named, and the right one comes from there."""
    scheme = "smtps" if tls == IMPLICIT else "smtp"
    with EmbeddedServer(tmp_path, listeners=(tls,), door={door: [PROXY]}, guard={"delay_first": 0.01}) as server:
        url = f"{scheme}://127.0.0.1:{server.ports[tls]}"
        said = {"ca": server.ca, "local_address": PROXY, **option}
        with pytest.raises(AuthError):
            face.send(url, MESSAGE, auth=(ANN, "wrong"), **said)
        face.send(url, MESSAGE, auth=(ANN, PASSWORD), **said)
        failed, succeeded = server.events("login.failed", "login.succeeded")

    assert (failed["source"], succeeded["source"]) == (STRANGER, STRANGER)


class DoublePostfix(Postfix):
    """A second door, `behind`, waits for a PROXY header."""

    def _prepare(self) -> None:
        super()._prepare()
        self.behind = free_port()
        master = self.directory / "master.cf"
        door = f"127.0.0.1:{self.behind} inet n - n - - smtpd\n  -o smtpd_upstream_proxy_protocol=haproxy\n"
        master.write_text(door + master.read_text())
        os.utime(master, (0, 0))


@pytest.mark.e2e
@pytest.mark.peer("postfix")
def test_postfix_believes_it() -> None:
    """XCLIENT and both versions of the header, as its log tells the client; from others it takes no XCLIENT."""
    face = Face("sync")
    plain: dict[str, Any] = {"tls": INSECURE_PLAINTEXT}
    settings = "smtpd_authorized_xclient_hosts = 127.0.0.1\ninet_protocols = all\n"  # else it knows no IPv6 at all
    with DoublePostfix(settings=settings) as postfix:
        url = f"smtp://127.0.0.1:{postfix.port}"
        face.send(url, MESSAGE, xclient={"ADDR": "2001:db8::7", "NAME": "v6.example", "PORT": "4711"}, **plain)
        with pytest.raises(ConnectError, match="does not take XCLIENT ADDR"):
            face.send(url, MESSAGE, xclient={"ADDR": "192.0.2.99"}, local_address=PROXY, **plain)
        url = f"smtp://127.0.0.1:{postfix.behind}"
        face.send(url, MESSAGE, proxy_header=("v1", "[2001:db8::8]:4711", "[2001:db8::25]:25"), **plain)
        face.send(url, MESSAGE, proxy_header=("v2", f"{STRANGER}:4711", "192.0.2.25:25"), **plain)
        postfix.delivered("bob", 3)
        log = postfix.log

    for client in ("v6.example[2001:db8::7]", "unknown[2001:db8::8]", f"unknown[{STRANGER}]"):
        assert f"client={client}" in log
    assert "192.0.2.99" not in log
