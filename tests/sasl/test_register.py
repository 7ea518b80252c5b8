from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mailward.errors import InputError, MailwardError, MechanismUnavailable
from mailward.sasl import mechanisms, register
from mailward.sasl.mechanism import KINDS, Kind, PasswordClaim
from tests.sasl.dialogue import BINDING, Server, converse, credentials, start_client

EVERY = ("LOGIN", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS")

TEMPORARY = '''
"""SHOUT: the user name in capitals, and whoever says it is believed."""

from mailward.sasl.mechanism import Mechanism, PasswordClaim, ask
from mailward.secret import Secret


def client(credentials, /, **_):
    yield credentials.authcid.upper().encode()


def server(initial_response, /, **_):
    response = initial_response if initial_response is not None else (yield from ask(b"who?"))
    return PasswordClaim(response.decode().lower(), "", Secret("none"))


MECHANISM = Mechanism(name="{name}", strength=50, client=client{server})
'''


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A second place for mechanism files, as if they lay in the folder itself."""
    mechanisms.__path__.append(str(tmp_path))
    register._found.cache_clear()
    yield tmp_path
    mechanisms.__path__.remove(str(tmp_path))
    register._found.cache_clear()
    sys.modules.pop("mailward.sasl.mechanisms.shout", None)


def test_what_there_is_the_strongest_first() -> None:
    """All in the client; the server has SCRAM only by SHA-256, which its stored keys are of, and nothing weak."""
    assert list(register.client_mechanisms()) == [
        "SCRAM-SHA-512-PLUS",
        "SCRAM-SHA-256-PLUS",
        "SCRAM-SHA-1-PLUS",
        "SCRAM-SHA-512",
        "SCRAM-SHA-256",
        "SCRAM-SHA-1",
        "GSSAPI",
        "PLAIN",
        "CRAM-MD5",
        "LOGIN",
        "EXTERNAL",
        "OAUTHBEARER",
        "NTLM",
        "XOAUTH2",
        "ANONYMOUS",
    ]
    passwords = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]
    assert list(register.server_mechanisms()) == [*passwords, "EXTERNAL", "OAUTHBEARER", "XOAUTH2"]


def test_what_each_needs() -> None:
    """A server offers only those whose credential it can judge, and shows a token or password to nobody on the way."""
    told = {m.name: (m.credential, m.reveals_password) for m in register.server_mechanisms().values()}

    assert told == {
        "SCRAM-SHA-256-PLUS": ("password", False),
        "SCRAM-SHA-256": ("password", False),
        "PLAIN": ("password", True),
        "LOGIN": ("password", True),
        "EXTERNAL": ("certificate", False),
        "OAUTHBEARER": ("token", True),
        "XOAUTH2": ("token", True),
    }


OF_KIND: dict[Kind, list[str]] = {
    "password": [
        *("SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"),
        *("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"),
    ],
    "token": ["OAUTHBEARER", "XOAUTH2"],
    "certificate": ["EXTERNAL"],
    "kerberos": ["GSSAPI"],
    "ntlm": ["NTLM"],
    "anonymous": ["ANONYMOUS"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_credentials_are_shown_to_mechanisms_of_their_kind_only(kind: Kind) -> None:
    """Each in turn as the stronger ones go, and nothing after them, whatever else is offered."""
    offered = list(register.client_mechanisms())
    chosen = []
    with pytest.raises(MechanismUnavailable):
        while True:
            chosen.append(register.choose(offered, kind=kind, tls=True, bindings=(BINDING,)).name)
            offered.remove(chosen[-1])

    assert chosen == OF_KIND[kind]


def test_outside_tls_nothing_is_revealed() -> None:
    """Of all there are, only SCRAM, Kerberos and nobody's name are said in the clear, asked for or not."""
    everything = list(register.client_mechanisms())
    said = set()
    for kind in KINDS:
        for name in everything:
            with contextlib.suppress(MechanismUnavailable):
                said.add(register.choose([name], kind=kind, tls=False, bindings=(), allowed=everything).name)

    assert said == {"SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "GSSAPI", "ANONYMOUS"}


@pytest.mark.parametrize("name", ["CRAM-MD5", "NTLM", "GSSAPI"])
def test_what_is_weak_or_odd_must_be_named(name: str) -> None:
    """Not even where nothing else is offered; `allowed` with its name is enough, in any case."""
    offered = [name, "EXTERNAL", "ANONYMOUS"]
    with pytest.raises(MechanismUnavailable, match=f"{name} is used only where mechanisms= names it"):
        register.choose(offered, tls=True, bindings=(BINDING,))

    assert register.choose([*offered, "PLAIN"], tls=True, bindings=(), allowed=[name.lower()]).name == name


def test_plus_comes_before_a_longer_hash() -> None:
    """RFC 5802 §6: where the server offers -PLUS for any hash and the channel has a binding, it is used."""
    assert register.choose(["SCRAM-SHA-512", "SCRAM-SHA-1-PLUS"], tls=True, bindings=(BINDING,)).name.endswith("-PLUS")


def test_the_names_a_caller_may_give() -> None:
    """In any case; a name nobody knows, or a text in the place of a list, is told with what there is."""
    assert register.named(["plain", "Scram-Sha-1"]) == ("PLAIN", "SCRAM-SHA-1")
    with pytest.raises(InputError, match="SCRAM-SHA256") as caught:
        register.named(["PLAIN", "SCRAM-SHA256\x1b"])
    assert "SCRAM-SHA-256-PLUS" in caught.value.advice
    assert "\x1b" not in str(caught.value)
    nothings: tuple[Sequence[str], ...] = ("PLAIN", (), [])
    for nothing in nothings:
        with pytest.raises(InputError, match="list of names"):
            register.named(nothing)


def test_a_new_mechanism_is_one_new_file(folder: Path) -> None:
    """Dropping a file in makes it known, chosen and spoken; nothing else is edited."""
    (folder / "shout.py").write_text(TEMPORARY.format(name="SHOUT", server=", server=server"))

    chosen = register.choose([*EVERY, "SHOUT"], tls=True, bindings=[BINDING])
    claim = converse(start_client(chosen, credentials("ann")), chosen, Server({}))

    assert chosen.name == "SHOUT"
    assert isinstance(claim, PasswordClaim)
    assert claim.authcid == "ann"
    assert "SHOUT" in register.server_mechanisms()


def test_a_mechanism_may_have_one_role_only(folder: Path) -> None:
    """Then only that side knows it."""
    (folder / "shout.py").write_text(TEMPORARY.format(name="SHOUT", server=""))

    assert "SHOUT" in register.client_mechanisms()
    assert "SHOUT" not in register.server_mechanisms()


def test_two_files_with_one_name_are_refused(folder: Path) -> None:
    """The second would silently replace the first."""
    (folder / "shout.py").write_text(TEMPORARY.format(name="PLAIN", server=""))

    with pytest.raises(MailwardError, match="same name"):
        register.client_mechanisms()


@pytest.mark.parametrize(
    "offered, tls, bound, chosen",
    [
        (EVERY, True, True, "SCRAM-SHA-256-PLUS"),
        (EVERY, True, False, "SCRAM-SHA-256"),
        (EVERY, False, False, "SCRAM-SHA-256"),
        (("PLAIN", "LOGIN"), True, True, "PLAIN"),
        (("LOGIN",), True, False, "LOGIN"),
        (("login", "plain", "scram-sha-256"), True, True, "SCRAM-SHA-256"),
        (("GSSAPI", "CRAM-MD5", "PLAIN"), True, True, "PLAIN"),
    ],
)
def test_the_strongest_that_may_be_used(offered: tuple[str, ...], tls: bool, bound: bool, chosen: str) -> None:
    """By strength, whatever the server's order or case."""
    bindings = [BINDING] if bound else []

    assert register.choose(offered, tls=tls, bindings=bindings).name == chosen


def test_the_caller_may_narrow_the_choice() -> None:
    """`allowed` names what may be used, in any case."""
    assert register.choose(EVERY, tls=True, bindings=[BINDING], allowed=["plain", "LOGIN"]).name == "PLAIN"


@pytest.mark.parametrize(
    "offered, tls, allowed, words",
    [
        (("PLAIN", "LOGIN"), False, None, "PLAIN would show the password.*; LOGIN would show the password"),
        ((), True, None, "the server offers no login"),
        (
            ("DIGEST-MD5", "SCRAM-SHA-224"),
            True,
            None,
            "offers DIGEST-MD5, SCRAM-SHA-224; with a password we know SCRAM-SHA-512-PLUS, SCRAM-",
        ),
        (("SCRAM-SHA-256-PLUS",), True, None, "SCRAM-SHA-256-PLUS needs a channel binding"),
        (("PLAIN",), True, ("SCRAM-SHA-256",), "PLAIN is not one of those allowed"),
        (("PLAIN",), True, (), "PLAIN is not one of those allowed"),
        (("XOAUTH2", "EXTERNAL"), True, None, "EXTERNAL needs a client certificate; XOAUTH2 needs a token"),
    ],
)
def test_when_nothing_fits_the_error_says_why(
    offered: tuple[str, ...], tls: bool, allowed: tuple[str, ...] | None, words: str
) -> None:
    """What was offered, what stands in the way of each, and the port only where it may be the wrong one."""
    with pytest.raises(MechanismUnavailable, match=words) as caught:
        register.choose(offered, tls=tls, bindings=(), allowed=allowed)

    assert caught.value.phase == "auth"
    assert ("submission port" in caught.value.advice) == (not offered or not tls)


def test_hostile_names_are_shown_harmlessly() -> None:
    """A server's list of mechanisms is peer text."""
    with pytest.raises(MechanismUnavailable) as caught:
        register.choose(["\x1b[2J", "X" * 10_000], tls=True, bindings=())

    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500
