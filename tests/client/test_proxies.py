"""What proxy= may be, and that a password in it is never repeated."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from mailward.client.options import client_options
from mailward.client.proxies import Proxies, Proxy
from mailward.errors import InputError
from mailward.secret import Secret
from mailward.wire.tunnel import Login


def proxies_of(value: Any, **environment: str) -> Proxies | None:
    return Proxies.of(value, environment=environment)


@pytest.mark.parametrize(
    ("url", "shown", "login"),
    [
        ("socks5://proxy.example", "socks5://proxy.example:1080", None),
        ("SOCKS5H://Proxy.Example:9", "socks5h://proxy.example:9", None),
        ("socks4a://ann@127.0.0.1/", "socks4a://127.0.0.1:1080", Login("ann")),
        ("socks4://127.0.0.1", "socks4://127.0.0.1:1080", None),
        ("http://[::1]:3128", "http://[::1]:3128", None),
        ("http://proxy.example", "http://proxy.example:80", None),
        ("https://a%40b:p%3Aw@proxy.example", "https://proxy.example:443", Login("a@b", Secret("p:w"))),
        ("socks5://ann:pw@bücher.example", "socks5://xn--bcher-kva.example:1080", Login("ann", Secret("pw"))),
    ],
)
def test_urls(url: str, shown: str, login: Login | None) -> None:
    """Scheme, login, host and port, which have defaults; what is shown has no login in it."""
    proxy = Proxy(url)

    assert (str(proxy), repr(proxy), proxy.login) == (shown, f"Proxy({shown!r})", login)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "proxy.example:1080",
        "socks6://h",
        "ftp://h",
        "smtp://h",
        "socks5://",
        "socks5://h:0",
        "socks5://h/path",
        "socks5://h?x",
        "socks5://h#x",
        "socks5://h\r\nX: y",
        "http://h%0d%0ax",
        "socks5://ann@h",
        "socks5://ann:@h",
        "socks4://ann:pw@h",
        "http://a%3Ab:pw@h",
        "socks5://a b@h",
        7,
    ],
)
def test_what_is_no_proxy(url: Any) -> None:
    """E05: nothing is guessed, and nothing that could begin a second line gets through."""
    with pytest.raises(InputError):
        Proxy(url)


def test_an_authority_is_for_https() -> None:
    """It would be looked at nowhere else, and is read at once."""
    with pytest.raises(InputError, match="https"):
        Proxy("http://h", ca=b"x")
    with pytest.raises(InputError, match="no certificate"):
        Proxy("https://h", ca=b"junk")


def test_a_chain() -> None:
    """URLs and values in a list; one alone is a chain of one."""
    chain = proxies_of(["socks5://a", Proxy("http://b")])
    one = proxies_of("socks5://a")

    assert chain is not None
    assert one is not None
    assert repr(chain) == "Proxies([Proxy('socks5://a:1080'), Proxy('http://b:80')])"
    assert [proxy.host for proxy in one.chain] == ["a"]
    assert proxies_of(chain) is chain
    assert proxies_of(None) is None


@pytest.mark.parametrize("value", [[], ["socks5://a"] * 9, ["socks5://a", 7], {"http": "http://a"}, 7, b"http://a"])
def test_what_is_no_chain(value: Any) -> None:
    """One to eight of them."""
    with pytest.raises(InputError, match="proxy= must be"):
        proxies_of(value)


def test_the_environment_counts_only_when_asked() -> None:
    """Then ALL_PROXY, in either case, before HTTPS_PROXY; a URL without a scheme is http, as everywhere."""
    assert proxies_of("env") is None
    assert proxies_of("env", all_proxy="") is None
    for environment, shown in [
        ({"ALL_PROXY": "socks5://a", "HTTPS_PROXY": "http://b"}, "socks5://a:1080"),
        ({"all_proxy": "socks5://a", "ALL_PROXY": "http://b"}, "socks5://a:1080"),
        ({"https_proxy": "b:3128"}, "http://b:3128"),
    ]:
        proxies = proxies_of("env", **environment)
        assert proxies is not None
        assert [str(proxy) for proxy in proxies.chain] == [shown]


def test_some_hosts_are_reached_directly() -> None:
    """NO_PROXY: names and all below them, addresses and networks, and * for everything."""
    proxies = proxies_of("env", all_proxy="socks5://a", no_proxy="example.org, .Example.net ,192.0.2.0/24,[::1],junk/9")
    nowhere = proxies_of("env", all_proxy="socks5://a", no_proxy="*")
    assert proxies is not None
    assert nowhere is not None

    direct = ["example.org", "mail.example.org", "MAIL.example.NET", "192.0.2.77", "::1"]
    assert [host for host in direct if proxies.serve(host)] == []
    assert all(proxies.serve(host) for host in ["notexample.org", "192.0.3.1", "org", "::2"])
    assert not nowhere.serve("mail.example")


@pytest.mark.parametrize(
    "url",
    [
        "socks5://ann:{}@host:x",
        "socks5://ann:{}@host/path",
        "socks5://ann:{}@[host",
        "socks5://ann:{}",
        "socks5://ann:a@{}@host",
        "socks5://ann:a/{}@host",
        "socks4://ann:{}@host",
        "http://a%3Ab:{}@host",
        "socks5://ann:{}%zz@host",
        "ann:{}@host",
        "ann:{}@socks5://host",
        "quux://ann:{}@host",
        "socks5://ann:{}" + "x" * 300 + "@host",
    ],
)
def test_no_error_repeats_the_password(url: str) -> None:
    """Neither its text nor the variables of its frames, and the same where a later option is refused."""
    with pytest.raises(InputError) as caught:
        client_options("mail.example", proxy=url.format("hunter2secret"))

    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "hunter2" not in told.replace(f"url.format({'hunter2secret'!r})", "").replace('"hunter2secret"', "")
    assert "hunter2" not in caught.value.advice


def test_a_later_mistake_does_not_show_the_password() -> None:
    """The frames of another option's error have no proxy in them."""
    with pytest.raises(InputError) as caught:
        client_options("mail.example", proxy="socks5://ann:hunter2@host", local_address="localhost")

    frames = [
        frame for frame in traceback.walk_tb(caught.value.__traceback__) if "options" in frame[0].f_code.co_filename
    ]
    assert frames
    assert all("hunter2" not in repr(frame.f_locals) for frame, _ in frames)
