"""A code that somebody enters elsewhere: how often we ask, and how it ends (RFC 8628)."""

from __future__ import annotations

from typing import Any

import pytest

from mailward.client.oauth2 import OAuth2
from mailward.client.oauth2_device import DevicePrompt, _is_link
from mailward.errors import DeadlineExceeded, TokenRefused
from mailward.net.ports import Ports
from tests.support.drivers import Driver, both_drivers
from tests.support.token_endpoint import CLIENT, DEVICE, TokenEndpoint, token_endpoint

ANN = "ann@example.test"


class Hasty:
    """Ports on which time passes only in a sleep, and at once."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self.slept: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ports, name)

    def now(self) -> float:
        return self._ports.now() + sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Terminal:
    """Runs a source on a driver and keeps what the human was shown, and the pauses."""

    def __init__(self, driver: Driver, server: TokenEndpoint) -> None:
        self.prompts: list[DevicePrompt] = []
        self.pauses: list[float] = []
        self._driver = driver
        self.source = OAuth2.device_code(
            ANN,
            device_url=server.device_url,
            token_url=server.token_url,
            client_id=CLIENT,
            scope="mail offline_access",
            prompt=self.prompts.append,
            ca=server.ca,
        )

    def access(self, *, total: float | None = 600.0) -> str:
        async def flow(ports: Ports) -> str:
            hasty = Hasty(ports)
            until = None if total is None else hasty.now() + total
            try:
                credentials = await self.source.current(hasty, until=until, host="smtp.example.test", port=587)
            finally:
                self.pauses = hasty.slept
            return credentials.password.reveal()

        return self._driver.run(flow)


@both_drivers
def test_somebody_enters_the_code(driver: Driver) -> None:
    """They are told where and what; meanwhile we ask at the pace the server wants, and slower when it says so."""
    with token_endpoint(pending=["authorization_pending", "slow_down", "authorization_pending"]) as server:
        terminal = Terminal(driver, server)
        assert terminal.access() == "access-1"

    assert [str(each) for each in terminal.prompts] == [
        "To allow sending mail, open https://example.test/device and enter WDJB-MJHT"
    ]
    assert terminal.pauses == [5.0, 5.0, 10.0, 10.0]
    assert server.forms[0] == {"client_id": CLIENT, "scope": "mail offline_access"}
    assert {form["grant_type"] for form in server.forms[1:]} == {DEVICE}
    assert terminal.access() == "access-1"  # and nobody is asked again
    assert len(terminal.prompts) == 1


@both_drivers
def test_the_refresh_token_spares_the_next_question(driver: Driver) -> None:
    """A human is asked again only when it is revoked."""
    with token_endpoint(lifetime=0) as server:
        terminal = Terminal(driver, server)
        terminal.access()
        server.answers = [(200, b'{"access_token":"by-refresh","expires_in":0}')]
        assert terminal.access() == "by-refresh"
        assert len(terminal.prompts) == 1
        server.answers = [(400, b'{"error":"invalid_grant"}')]
        terminal.access()
    assert len(terminal.prompts) == 2


@both_drivers
@pytest.mark.parametrize("reason", ["access_denied", "expired_token"])
def test_somebody_says_no_or_is_late(driver: Driver, reason: str) -> None:
    """The server's word ends it."""
    with token_endpoint(pending=["authorization_pending", reason]) as server, pytest.raises(TokenRefused) as caught:
        Terminal(driver, server).access()

    assert caught.value.reason == reason
    assert caught.value.advice
    assert "secret-device-code" not in str(caught.value)


@both_drivers
def test_it_ends_when_the_code_does(driver: Driver) -> None:
    """Even if the server goes on saying that it waits."""
    pending = ["authorization_pending"] * 100
    with token_endpoint(pending=pending, device={"expires_in": 12, "interval": 5}) as server:
        terminal = Terminal(driver, server)
        with pytest.raises(TokenRefused) as caught:
            terminal.access()

    assert caught.value.reason == "expired_token"
    assert terminal.pauses == [5.0, 5.0, 5.0]
    assert len(server.forms) == 3


@both_drivers
def test_it_ends_when_the_call_does(driver: Driver) -> None:
    """Not a pause later."""
    with token_endpoint(pending=["authorization_pending"] * 100) as server:
        terminal = Terminal(driver, server)
        with pytest.raises(DeadlineExceeded, match="somebody to enter the code"):
            terminal.access(total=12.0)

    assert terminal.pauses == [5.0, 5.0]


@both_drivers
def test_a_server_in_trouble_is_asked_more_slowly(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """§3.5: exponentially, but not for ever."""
    with token_endpoint() as server:
        terminal = Terminal(driver, server)
        original = server.answer

        def troubled(path: str, form: dict[str, str]) -> tuple[int, bytes]:
            if path == "/token" and len(server.forms) < 6:
                server.forms.append(form)
                return 503, b""
            return original(path, form)

        monkeypatch.setattr(server, "answer", troubled)
        assert terminal.access(total=None) == "access-1"

    assert terminal.pauses == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


@both_drivers
@pytest.mark.parametrize(
    "device",
    [
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "https://example.test/\x1b[2J"},
        {"verification_uri": None},
        {"user_code": "AB\nCD"},
        {"user_code": ""},
        {"device_code": 5},
    ],
    ids=range(6),
)
def test_what_is_not_shown_to_a_human(driver: Driver, device: dict[str, Any]) -> None:
    """Neither a link that is none nor a code that moves the cursor."""
    with token_endpoint(device=device) as server:
        terminal = Terminal(driver, server)
        with pytest.raises(TokenRefused, match="gave no code to enter"):
            terminal.access()
    assert terminal.prompts == []


@both_drivers
def test_numbers_out_of_place(driver: Driver) -> None:
    """A pace of nothing, or a code for ever, is ours to bound; Google's name of the link is understood."""
    device = {"interval": 0, "expires_in": 1e12, "verification_uri": None, "verification_url": "https://g.test/d"}
    with token_endpoint(device=device | {"verification_uri_complete": "https://g.test/d?c=1"}) as server:
        terminal = Terminal(driver, server)
        terminal.access()
    assert terminal.pauses == [5.0]
    assert (terminal.prompts[0].url, terminal.prompts[0].direct) == ("https://g.test/d", "https://g.test/d?c=1")
    assert terminal.prompts[0].seconds == 600.0


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("https://login.example.test/device", True),
        ("http://127.0.0.1:8080/device", True),
        ("http://127.0.0.1", True),
        ("http://127.0.0.1.evil.example/device", False),
        ("http://127.0.0.1@evil.example/", False),
        ("http://login.example.test/device", False),
        ("https://login.example.test/\x1b[2J", False),
        (None, False),
    ],
)
def test_which_links_are_shown(link: object, shown: bool) -> None:
    """Nobody is sent to a page that anybody on the way could have written."""
    assert _is_link(link) is shown
