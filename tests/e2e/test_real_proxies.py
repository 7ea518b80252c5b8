"""Through proxies that are not ours, on both faces: microsocks, Dante, tinyproxy, stunnel, alone and in a chain."""

from __future__ import annotations

import socket
import subprocess

import pytest

from mailward import Receipt
from mailward.client.proxies import Proxy, ProxyValue
from mailward.errors import CertificateError, ProxyError
from mailward.wire.tunnel import Destination
from tests.support.certificates import authority, good
from tests.support.hostile import Script, hostile_server
from tests.support.peers import peer
from tests.support.real_proxies import dante, microsocks, stunnel, tinyproxy
from tests.support.sending import Face, both_faces
from tests.support.tcp import tcp_server

CA = authority().pem
PASSWORD = "s3cret"


def sent(face: Face, proxy: ProxyValue, *, host: str = "127.0.0.1", tls: str = "implicit") -> Receipt:
    """One message to a server of the tests, which must have it."""
    with hostile_server(Script(tls=tls)) as server:
        url = f"{'smtps' if tls == 'implicit' else 'smtp'}://{host}:{server.port}"
        receipt = face.send(url, proxy=proxy)

    assert len(server.contents) == 1
    return receipt


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.e2e
@pytest.mark.peer("microsocks")
@both_faces
def test_socks_5_with_a_password(face: Face) -> None:
    """microsocks looks the name up; a wrong password, and a port where nobody listens, are told apart."""
    with microsocks(user="ann", password=PASSWORD) as port:
        url = f"socks5h://ann:{PASSWORD}@127.0.0.1:{port}"
        sent(face, url, host="localhost", tls="starttls")
        sent(face, url)
        with pytest.raises(ProxyError, match="refused user and password") as caught:
            sent(face, f"socks5://ann:wr0ng@127.0.0.1:{port}")
        assert caught.value.phase == "proxy"
        assert "wr0ng" not in str(caught.value)
        with pytest.raises(ProxyError, match="it wants a login"):
            sent(face, f"socks5://127.0.0.1:{port}")
        with pytest.raises(ProxyError, match=r"did not connect to 127\.0\.0\.1 port") as refused:
            face.send(f"smtps://127.0.0.1:{closed_port()}", proxy=url)
        assert refused.value.phase == "connect"


@pytest.mark.e2e
@pytest.mark.peer("dante")
@both_faces
@pytest.mark.parametrize(("scheme", "host"), [("socks4", "127.0.0.1"), ("socks5", "localhost")])
def test_socks_4(face: Face, scheme: str, host: str) -> None:
    """Dante speaks both, 4a it does not."""
    with dante() as port:
        sent(face, f"{scheme}://127.0.0.1:{port}", host=host)


@pytest.mark.e2e
@pytest.mark.peer("curl")
def test_socks_4a_as_curl_says_it() -> None:
    """No proxy of Debian's knows it as simply as curl does as a client: both say the same octets."""
    heard: list[bytes] = []

    def proxy(sock: socket.socket) -> None:
        heard.append(sock.recv(100))

    with tcp_server(proxy) as server:
        url = f"socks4a://127.0.0.1:{server.port}"
        subprocess.run(
            [peer("curl"), "-s", "--max-time", "5", "--proxy", url, "smtp://mail.example.invalid:465"], check=False
        )

    assert heard == [next(Proxy(url).way(Destination("mail.example.invalid", 465))).say]


@pytest.mark.e2e
@pytest.mark.peer("tinyproxy")
@both_faces
def test_http_connect(face: Face) -> None:
    """tinyproxy with Basic authentication; without it, or with a wrong password, it refuses and is not asked again."""
    with tinyproxy(user="ann", password=PASSWORD) as port:
        sent(face, f"http://ann:{PASSWORD}@127.0.0.1:{port}", host="localhost", tls="starttls")
        sent(face, f"http://ann:{PASSWORD}@127.0.0.1:{port}")
        for login in ("", "ann:wr0ng@"):
            with pytest.raises(ProxyError) as caught:
                sent(face, f"http://{login}127.0.0.1:{port}")
            assert "wr0ng" not in str(caught.value)


@pytest.mark.e2e
@pytest.mark.peer("tinyproxy", "stunnel", "microsocks")
@both_faces
def test_https_and_a_chain(face: Face) -> None:
    """TLS to the proxy, verified, and the server's TLS inside it; the same behind a SOCKS proxy."""
    with (
        tinyproxy(user="ann", password=PASSWORD) as behind,
        stunnel(behind, good()) as port,
        microsocks(user="ann", password=PASSWORD) as first,
    ):
        https = Proxy(f"https://ann:{PASSWORD}@127.0.0.1:{port}", ca=CA)
        receipt = sent(face, https)
        sent(face, [f"socks5://ann:{PASSWORD}@127.0.0.1:{first}", https], tls="starttls")
        with pytest.raises(CertificateError, match="the proxy https://"):
            sent(face, f"https://ann:{PASSWORD}@127.0.0.1:{port}")

    assert receipt.tls is not None
    assert receipt.tls.verified_by == "ca="
