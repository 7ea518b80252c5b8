"""A whole `mailward.toml`: read, or every fault told at once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, InvalidConfig
from mailward.server import config
from mailward.server.config import Config, ListenerConfig

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = """
hostname = "mail.example.test"
state = "state"
[[listener]]
address = "127.0.0.1:5465"
tls = "implicit"
[[listener]]
address = "127.0.0.1:5587"
tls = "starttls"
[[listener]]
address = "127.0.0.1:2525"
tls = "insecure-plaintext"
[delivery]
to = "smtp://127.0.0.1:2526?tls=insecure-plaintext"
[allowlist]
networks = ["0.0.0.0/0", "::/0"]
relay_without_login = ["127.0.0.0/8"]
"""


def test_the_interface(tmp_path: Path) -> None:
    """The documented keys are read, paths are relative to the file, the rest has defaults."""
    file = tmp_path / "mailward.toml"
    file.write_text(GOOD)

    loaded = config.load(file)

    assert loaded.hostname == "mail.example.test"
    assert loaded.state_path == tmp_path / "state"
    assert loaded.events_path == tmp_path / "state" / "events.jsonl"
    assert [(item.host, item.port, item.tls) for item in loaded.listener] == [
        ("127.0.0.1", 5465, "implicit"),
        ("127.0.0.1", 5587, "starttls"),
        ("127.0.0.1", 2525, "insecure-plaintext"),
    ]
    assert loaded.tls is None
    assert loaded.allowlist.relay_without_login == ("127.0.0.0/8",)
    assert loaded.limits.message_size == 36_700_160
    assert loaded.queue.first_retry == 300.0


def test_every_fault_at_once() -> None:
    """Each fault is one line with file, line, key and the nearest right key."""
    text = """hostnme = "mail.example.test"
state = 3
[[listener]]
address = "127.0.0.1"
tls = "start-tls"
[delivery]
too = "sandbox"
[allowlist]
networks = ["10.0.0.1/8"]
"""

    told = [str(error) for error in config.check(text, "mailward.toml")]

    assert told == [
        "mailward.toml:1: hostnme: unknown key; did you mean `hostname`?",
        "mailward.toml:2: state: expected a text in quotes, here 3",
        (
            "mailward.toml:5: listener[0].tls: 'start-tls' is not one of 'implicit', 'starttls', "
            "'insecure-plaintext'; did you mean 'starttls'?"
        ),
        "mailward.toml:7: delivery.too: unknown key; did you mean `to`?",
        'mailward.toml:9: allowlist.networks[0]: 10.0.0.1/8 has host bits set; did you mean "10.0.0.0/8"?',
    ]


def test_load_raises_the_first_and_carries_the_others(tmp_path: Path) -> None:
    """One exception, with file, line and key as attributes, and the rest beside it."""
    file = tmp_path / "mailward.toml"
    file.write_text(GOOD.replace("state =", "stat =").replace("to =", "two ="))

    with pytest.raises(config.InvalidConfigFile) as caught:
        config.load(file)

    assert (caught.value.file, caught.value.line, caught.value.key) == (str(file), 3, "stat")
    assert [(error.line, error.key) for error in caught.value.others] == [(14, "delivery.two")]


@pytest.mark.parametrize(
    "text, line",
    [
        ('hostname = "a"\nstate = \n', 2),
        ('hostname = "a"\nhostname = "b"\n', 2),
        ('hostname = "a', 1),
        ("a = [\n" * 5000, None),
        ("a = " + "[" * 100_000, None),
        ("a = " + "9" * 5000, None),
    ],
    ids=["no-value", "twice", "unfinished", "deep-lines", "deep", "enormous"],
)
def test_not_toml(text: str, line: int | None) -> None:
    """What is not TOML is one fault, with its line when the parser knows it."""
    (error,) = config.check(text, "mailward.toml")

    assert "is not TOML" in str(error)
    assert line is None or error.line == line


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """No such file, a directory, and octets that are not UTF-8 are told as such."""
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'hostname = "a"\n# caf\xe9\n')

    with pytest.raises(InvalidConfig, match="No such file"):
        config.load(tmp_path / "absent.toml")
    with pytest.raises(InvalidConfig, match=r"latin.toml:2: is not UTF-8"):
        config.load(latin)
    with pytest.raises(InvalidConfig):
        config.load(tmp_path)


def test_a_late_fault_gets_its_line(tmp_path: Path) -> None:
    """What is found only when the server starts (a port in use) is told with file and line too."""
    file = tmp_path / "mailward.toml"
    file.write_text(GOOD)

    told = config.locate(file, InvalidConfig("is in use by another process", key="listener[1].address"))

    assert str(told) == f"{file}:8: listener[1].address: is in use by another process"
    assert (told.line, told.key) == (8, "listener[1].address")


def test_defaults_are_sound(tmp_path: Path) -> None:
    """Without a file: loopback, TLS on every listener, sandbox, and no warning."""
    chosen = config.defaults(tmp_path)

    assert chosen.delivery.sandbox
    assert all(item.loopback and item.tls != "insecure-plaintext" for item in chosen.listener)
    assert config.warnings(chosen, NOW) == []


def test_never_ban_is_not_for_everyone() -> None:
    """A list of proxies that holds every address would switch the bans off, so it is refused."""
    (told,) = config.check(
        GOOD.replace("[allowlist]", '[allowlist]\nnever_ban = ["0.0.0.0/0"]'), "mailward.toml", files=False
    )

    assert told.key == "allowlist.never_ban[0]"
    assert "is everyone" in str(told)


def test_half_an_account_name_is_told() -> None:
    """A source that looks at the local part only makes one account of two names, each with guesses of its own."""
    ldap = '[[account_source]]\nkind = "ldap"\nurl = "ldaps://x.test"\nbase = "dc=x"\n'
    half = ldap + 'name = "half"\nfilter = "(uid={local_part})"\n'
    whole = ldap + 'name = "whole"\nfilter = "(mail={local_part}@{domain})"\n'

    told = config.warnings(config.parse(GOOD + half + whole, "mailward.toml", files=False), NOW)

    assert [line.partition(" ")[0] for line in told if "local part" in line] == ["account_source[0]"]


def test_dangers_are_told() -> None:
    """Plaintext beyond this machine, a public relay network and clear-text delivery are each a warning."""
    text = GOOD.replace("127.0.0.1:2525", "0.0.0.0:2525").replace("127.0.0.0/8", "8.8.8.0/24")

    told = config.warnings(config.parse(text, "mailward.toml"), NOW)

    assert [line.partition(":")[0] for line in told] == [
        "listener 0.0.0.0",
        "allowlist.relay_without_login",
        "delivery.to",
    ]


def test_config_can_be_built_by_hand(tmp_path: Path) -> None:
    """The composition root takes any Config, from a file or not."""
    built = Config(
        hostname="localhost",
        state=str(tmp_path),
        listener=(ListenerConfig(address="[::1]:0", tls="implicit"),),
    )

    assert (built.listener[0].host, built.listener[0].port) == ("::1", 0)


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    """No text makes the reader fail with anything but its own error."""
    with pytest.raises(InputError, match=r"^mailward.toml"):
        config.parse(text, "mailward.toml", files=False)


@given(st.sampled_from(GOOD.splitlines()), st.text(max_size=40))
def test_any_change_is_judged(line: str, other: str) -> None:
    """A good file with one line replaced is sound or told apart, with the line inside the file."""
    text = GOOD.replace(line, other) if line else GOOD + other

    for error in config.check(text, "mailward.toml", files=False):
        assert str(error).startswith("mailward.toml")
        assert error.line is None or 1 <= error.line <= text.count("\n") + 1
