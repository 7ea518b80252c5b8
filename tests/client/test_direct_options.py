"""What a direct client may be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailward.client.direct_options import INSECURE_OPPORTUNISTIC, direct_options, state_path
from mailward.client.plan import Need
from mailward.errors import InputError
from mailward.net.query import Dns


@pytest.mark.parametrize(
    ("given", "least"),
    [
        ({}, Need.ENCRYPTED),
        ({"tls": "require"}, Need.ENCRYPTED),
        ({"tls": "verify"}, Need.VERIFIED),
        ({"tls": INSECURE_OPPORTUNISTIC}, Need.OPPORTUNISTIC),
    ],
)
def test_tls(given: Any, least: Need) -> None:
    """TLS by default; clear text only by its name."""
    assert direct_options(state=False, **given).least is least


@pytest.mark.parametrize("tls", ["insecure-opportunistic", "auto", "", "plaintext"])
def test_no_word_for_clear_text(tls: str) -> None:
    """A configuration file cannot turn TLS off by a string."""
    with pytest.raises(InputError, match="require"):
        direct_options(tls=tls)


def test_name_servers() -> None:
    """Their addresses, or a Dns; never names."""
    assert direct_options(dns=["127.0.0.1"], state=False).dns == Dns(("127.0.0.1",))
    assert direct_options(dns="::1", state=False).dns == Dns(("::1",))
    assert direct_options(dns=Dns(trust_ad=True), state=False).dns == Dns(trust_ad=True)
    with pytest.raises(InputError):
        direct_options(dns=["dns.example"])


@pytest.mark.parametrize("given", [{"port": 0}, {"port": 65536}, {"ehlo_name": "a b"}, {"timeout": -1}, {"ca": b"x"}])
def test_what_cannot_be_used(given: Any) -> None:
    """It is told before anything is opened."""
    with pytest.raises(InputError):
        direct_options(state=False, **given)


def test_unknown_names() -> None:
    """A misspelt option is no option."""
    with pytest.raises(TypeError, match="tsl"):
        misspelt: Any = {"tsl": "verify"}
        direct_options(**misspelt)


def test_where_the_state_is(tmp_path: Path) -> None:
    """In the user's state directory, where it was said, or in memory; a relative XDG directory does not count."""
    assert state_path(None, environ={"HOME": "/h/ann"}) == Path("/h/ann/.local/state/mailward/routes.db")
    assert state_path(None, environ={"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/mailward/routes.db")
    assert state_path(None, environ={"XDG_STATE_HOME": "s", "HOME": "/h"}) == Path("/h/.local/state/mailward/routes.db")
    assert state_path(None, environ={}) is None
    assert state_path(False, environ={"HOME": "/h"}) is None  # noqa: FBT003
    assert state_path(tmp_path / "r.db", environ={}) == tmp_path / "r.db"
