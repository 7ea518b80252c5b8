"""What a configuration may not mean."""

from __future__ import annotations

import pytest

from mailward.server import config

HEAD = 'hostname = "mail.example.test"\nstate = "state"\n'
LISTENER = '[[listener]]\naddress = "127.0.0.1:5465"\ntls = "implicit"\n'


def faults(text: str) -> list[str]:
    return [str(error).removeprefix("mailward.toml:") for error in config.check(text, "mailward.toml", files=False)]


@pytest.mark.parametrize(
    "address, told",
    [
        ("127.0.0.1", 'needs "IP:port"'),
        ("127.0.0.1:smtp", 'needs "IP:port"'),
        ("127.0.0.1:٢٥", 'needs "IP:port"'),
        ("127.0.0.1:65536", "port 65536 is not within 0 to 65535"),
        ("127.0.0.1:" + "9" * 5000, "port 99999999999999999999 is not"),
        ("mail.example.test:25", '"mail.example.test" is not an IP address'),
        ("*:25", "is not an IP address"),
        ("::1:25", 'write "[::1]:25"'),
        ("[127.0.0.1]:25", 'write "127.0.0.1:25"'),
        ("127.0.0.1:25\\u001b[2J", 'here "127.0.0.1:25\\x1b[2J"'),
    ],
)
def test_listener_addresses(address: str, told: str) -> None:
    """An address that cannot be opened is refused, and shown without control characters."""
    (fault,) = faults(HEAD + LISTENER.replace("127.0.0.1:5465", address))

    assert fault.startswith("4: listener[0].address: ")
    assert told in fault


@pytest.mark.parametrize(
    "first, second, collide",
    [
        ("127.0.0.1:25", "127.0.0.1:25", True),
        ("0.0.0.0:25", "127.0.0.1:25", True),
        ("[::1]:25", "[0:0::1]:25", True),
        ("127.0.0.1:25", "127.0.0.2:25", False),
        ("0.0.0.0:25", "[::]:25", False),
        ("127.0.0.1:0", "127.0.0.1:0", False),
    ],
)
def test_listeners_that_collide(first: str, second: str, collide: bool) -> None:
    """Two listeners cannot have one address, however it is written."""
    text = HEAD + LISTENER.replace("127.0.0.1:5465", first) + LISTENER.replace("127.0.0.1:5465", second)

    assert bool(faults(text)) is collide


def test_there_are_listeners_and_not_too_many() -> None:
    """None, or hundreds, is a mistake."""
    assert faults(HEAD + "listener = []") == ["3: listener: is empty: a server needs at least one [[listener]]"]
    assert "100 are the most" in faults(HEAD + LISTENER * 101)[0]


@pytest.mark.parametrize("hostname", ["", "a b", "-a.test", "a..b", "münchen.test", "a" * 64, "a.test.", "x\\n.test"])
def test_hostnames(hostname: str) -> None:
    """A host name is letters, digits and hyphens (RFC 1123 §2.1)."""
    (fault,) = faults(HEAD.replace("mail.example.test", hostname) + LISTENER)

    assert fault.startswith("1: hostname: is not a host name")


def test_an_address_is_not_a_hostname() -> None:
    """127.0.0.1 would be no name for a certificate."""
    assert "not a name" in faults(HEAD.replace("mail.example.test", "127.0.0.1") + LISTENER)[0]


@pytest.mark.parametrize(
    "network, told",
    [
        ("10.0.0.1/8", 'did you mean "10.0.0.0/8"?'),
        ("2001:db8::1/32", 'did you mean "2001:db8::/32"?'),
        ("::ffff:10.0.0.0/104", 'write "10.0.0.0/8"'),
        ("::ffff:192.0.2.7", 'write "192.0.2.7/32"'),
        ("10.0.0.0/33", "is not a network"),
        ("example.test", "is not a network"),
        ("", "is not a network"),
    ],
)
def test_networks(network: str, told: str) -> None:
    """A network that would match something else than it says is refused."""
    (fault,) = faults(HEAD + LISTENER + f'[allowlist]\nnetworks = ["::/0",\n"{network}"]')

    assert fault.startswith("8: allowlist.networks[1]: ")
    assert told in fault


def test_no_open_relay() -> None:
    """The whole Internet may not send without a login, in either family."""
    told = faults(HEAD + LISTENER + '[allowlist]\nrelay_without_login = ["0.0.0.0/0", "::/0"]')

    assert ["open relay" in line for line in told] == [True, True]


def test_nobody_may_log_in_is_a_mistake() -> None:
    """An empty allowlist would lock everyone out."""
    assert "nobody could log in" in faults(HEAD + LISTENER + "[allowlist]\nnetworks = []")[0]


def test_plaintext_beyond_this_machine_needs_somebody_to_use_it() -> None:
    """Without trusted networks an open plaintext listener serves nobody and is refused."""
    plain = LISTENER.replace("implicit", "insecure-plaintext")
    outside = plain.replace("127.0.0.1", "192.0.2.1")
    trusted = '[allowlist]\nrelay_without_login = ["192.0.2.0/24"]\n'

    assert faults(HEAD + plain) == []
    assert faults(HEAD + outside)[0].startswith("5: listener[0].tls: nobody could use it")
    assert faults(HEAD + outside + trusted) == []


@pytest.mark.parametrize(
    "to, more, told",
    [
        ("sandbx", "", 'neither "sandbox" nor a URL'),
        ("mail.example.test:587", "", 'neither "sandbox" nor a URL'),
        ("http://mail.example.test", "", "begin with smtps:// or smtp://"),
        ("smtps://ann:sekrit@mail.example.test", "", "holds a password"),
        ("smtps://:sekrit@mail.example.test", "", "empty user name"),
        ("smtps://ann:sek:rit@mail.example.test", "", "bare @ or :"),
        ("smtps://", "", "is not a host name"),
        ("smtps://mail.exa mple.test", "", "without spaces"),
        ("smtps://mail.example.test\\n", "", "without spaces or control characters"),
        ("smtps://mail.example.test:99999", "", "the port is not"),
        ("smtps://[zz]", "", "not an IPv6 address"),
        ("smtps://mail.example.test/inbox", "", "no path"),
        ("smtps://mail.example.test?tlz=x", "", "query is not one we know"),
        ("smtps://mail.example.test?tls=starttls", "", "use smtp://"),
        ("smtp://mail.example.test?tls=maybe", "", "it may be tls=auto"),
        ("smtps://ann@mail.example.test", "", "delivery.password_file"),
        ("smtps://mail.example.test", 'password_file = "p"', "names no user"),
        ("smtp://ann@mail.example.test?tls=insecure-plaintext", 'password_file = "p"', "over clear text"),
        ("sandbox", 'ca = "ca.pem"', "needs neither"),
        ("smtps://mail.example.test", 'ca = ""', "is not a path"),
        ("smtps://mail.example.test", 'ca = "~/ca.pem"', "is not expanded"),
        ("smtps://mail.example.test", 'ca = "a\\u0000b"', "is not a path"),
    ],
)
def test_delivery(to: str, more: str, told: str) -> None:
    """A delivery that could not work, or would show a password, is refused; the URL is never quoted."""
    (fault,) = faults(HEAD + LISTENER + f'[delivery]\nto = "{to}"\n{more}\n')

    assert fault.partition(": ")[0] in {"7", "8"}
    assert told in fault
    assert "sekrit" not in fault


@pytest.mark.parametrize(
    "to",
    [
        "sandbox",
        "smtp://127.0.0.1:2526?tls=insecure-plaintext",
        "smtp://mail.example.test?tls=starttls",
        "smtps://[2001:db8::1]:465",
        "smtp://mail.example.test/",
    ],
)
def test_deliveries_that_are_fine(to: str) -> None:
    """The sandbox and the URLs of another server."""
    assert faults(HEAD + LISTENER + f'[delivery]\nto = "{to}"\n') == []


def test_a_user_needs_a_password_file() -> None:
    """User in the URL and password in a file go together."""
    text = '[delivery]\nto = "smtps://ann%40example.test@mail.example.test"\npassword_file = "secret"\n'

    assert faults(HEAD + LISTENER + text) == []


def test_times_that_contradict_each_other() -> None:
    """A first wait cannot be longer than the longest."""
    text = "[queue]\nfirst_retry = 20000\nlongest_retry = 15000\ngive_up_after = 10\n[guard]\ndelay_first = 9\n"

    told = faults(HEAD + LISTENER + text)

    assert [line.partition(": ")[2].partition(":")[0] for line in told] == [
        "queue.first_retry",
        "queue.longest_retry",
        "guard.delay_first",
    ]
