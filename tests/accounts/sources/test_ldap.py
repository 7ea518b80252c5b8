"""Accounts in a real OpenLDAP, over LDAPS, StartTLS and its socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailward.accounts.sources.bounded import BoundedSource
from mailward.accounts.sources.ldap import Ldap, LdapSettings
from mailward.accounts.sources.source import UNKNOWN, OutOfOrder, SourceAnswer
from mailward.errors import AuthUnavailable, InvalidConfig
from mailward.secret import Secret
from tests.support.account_sources import question
from tests.support.certificates import authority
from tests.support.slapd import PEOPLE, SERVICE, Slapd

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.e2e,
    pytest.mark.peer("slapd"),
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning"),  # what ldap3 asks of pyasn1
]
ANN = SourceAnswer("ann@example.test", right=True, senders=("ann@example.test", "sales@example.test"))


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    with Slapd() as running:
        yield running


def by_search(server: Slapd, **changes: Any) -> Ldap:
    """Searches as the service account, over LDAPS unless `changes` say otherwise."""
    usual: dict[str, Any] = {
        "url": server.ldaps,
        "ca": server.ca,
        "bind_dn": SERVICE,
        "password_file": server.secret,
        "base": PEOPLE,
        "senders_attribute": "mail",
        "connections": 2,
    }
    return Ldap(LdapSettings(**(usual | changes)))


@pytest.mark.parametrize("way", ["ldaps", "ldap", "ldapi"])
async def test_right_wrong_nobody(server: Slapd, way: str) -> None:
    """Found by the search and proved by a bind; again and again on kept connections, several at once."""
    source = by_search(server, url=getattr(server, way), ca="" if way == "ldapi" else server.ca)

    for _ in range(2):
        assert await source.ask(question()) == ANN
        wrong = await source.ask(question(password="wrong"))
        assert (wrong.account, wrong.right) == ("ann@example.test", False)
        assert await source.ask(question("eve@example.test")) == UNKNOWN
    assert [answer.right for answer in await asyncio.gather(*(source.ask(question()) for _ in range(4)))] == [True] * 4
    await source.close()


async def test_networks_and_locks(server: Slapd) -> None:
    """Attributes give the networks and the lock of an account."""
    source = by_search(server, allow_from_attribute="departmentNumber", disabled_attribute="employeeType")

    bob = await source.ask(question("bob@example.test", "four words of bob"))

    assert (bob.right, bob.allow_from, bob.disabled) == (True, ("192.0.2.0/24",), True)
    await source.close()


@pytest.mark.parametrize(
    "name", ["*", "a*", "*)(uid=*", "ann)(|(uid=*", "x)(mail=*))(|(uid=ann", "ann\\2a", "(", ")", "\\", "&", "|(a=b)"]
)
async def test_a_name_is_never_a_filter(server: Slapd, name: str) -> None:
    """Signs of a filter are looked up as they are, in vain, whatever the password."""
    source = by_search(server, filter="(|(uid={user})(mail={user}))")

    assert await source.ask(question(name)) == UNKNOWN
    assert (await source.ask(question("ann"))).right
    await source.close()


@pytest.mark.parametrize("form", ["search", "name"])
async def test_a_name_made_of_signs_is_found(server: Slapd, form: str) -> None:
    """Escaping keeps a value whole: an entry whose name is signs only logs in, by its filter and by its DN."""
    changes = {"filter": "(uid={user})"} if form == "search" else {"dn": f"uid={{user}},{PEOPLE}", "base": ""}
    source = by_search(server, senders_attribute="", **changes)

    answer = await source.ask(question("o'(star*)\\", "a name of signs only"))

    assert answer == SourceAnswer("o'(star*)\\", right=True)
    await source.close()


@pytest.mark.parametrize("name", ["ann,ou=people", "ann+cn=Ann", "bob,ou=people,dc=example,dc=test#"])
async def test_a_name_is_never_part_of_a_dn(server: Slapd, name: str) -> None:
    """Signs of a distinguished name do not lead to another entry."""
    source = by_search(server, dn=f"uid={{user}},{PEOPLE}")

    assert not (await source.ask(question(name))).right
    await source.close()


async def test_a_bind_alone(server: Slapd) -> None:
    """Without a service account: the name is made of the template, and the account reads its own senders."""
    source = by_search(server, dn=f"uid={{local_part}},{PEOPLE}", bind_dn="", password_file="", base="")

    assert await source.ask(question()) == ANN
    assert not (await source.ask(question(password="wrong"))).right
    assert not (await source.ask(question("eve@example.test"))).right
    await source.close()


async def test_an_empty_password_is_never_sent(server: Slapd) -> None:
    """RFC 4513 §5.1.2: the server would take it for an anonymous login and say yes; it does not get to."""
    for form in ({}, {"dn": f"uid={{local_part}},{PEOPLE}"}):
        source = by_search(server, **form)
        assert not (await source.ask(question(password=""))).right
        await source.close()


@pytest.mark.parametrize("way", ["ldaps", "ldap"])
async def test_a_certificate_that_is_not_trusted(server: Slapd, tmp_path: Path, way: str) -> None:
    """Nothing is said to a server whose certificate is another authority's, or is not for this name."""
    (tmp_path / "other.pem").write_bytes(authority("Another CA").pem)
    other = by_search(server, url=getattr(server, way), ca=str(tmp_path / "other.pem"))
    renamed = by_search(server, url=getattr(server, way).replace("127.0.0.1", "127.0.0.2"))

    for source in (other, renamed):
        with pytest.raises(OutOfOrder):
            await source.ask(question())


async def test_plaintext_only_when_it_is_said(server: Slapd) -> None:
    """ldap:// means StartTLS; without it only by the operator's own word."""
    source = by_search(server, url=server.ldap, ca="", insecure_plaintext=True)
    assert (await source.ask(question())).right
    await source.close()
    with pytest.raises(OutOfOrder, match=r"(?i)certificate"):
        await by_search(server, url=server.ldap, ca="").ask(question())


async def test_more_than_one_entry(server: Slapd) -> None:
    """A search that finds two accounts is no answer, and no outage."""
    source = by_search(server, filter="(|(mail={user})(objectClass=inetOrgPerson))")

    with pytest.raises(AuthUnavailable, match="more than one entry") as refused:
        await source.ask(question())
    assert not isinstance(refused.value, OutOfOrder)
    await source.close()


async def test_the_services_own_password_is_wrong(server: Slapd, tmp_path: Path) -> None:
    """It is an outage for the operator, not a wrong password of those who log in."""
    (tmp_path / "secret").write_text("wrong\n")
    (tmp_path / "secret").chmod(0o600)

    with pytest.raises(OutOfOrder, match="bind_dn"):
        await by_search(server, password_file=str(tmp_path / "secret")).ask(question())


async def test_it_comes_back(server: Slapd) -> None:
    """Kept connections that the server has closed are made anew; while it is down logins are put off."""
    source = by_search(server)
    assert await source.ask(question()) == ANN
    server.stop()
    with pytest.raises(OutOfOrder):
        await source.ask(question())

    server.start()
    assert await source.ask(question()) == ANN
    server.stop()
    server.start()
    assert await source.ask(question()) == ANN
    await source.close()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"filter": "(objectClass=person)"}, "filter must have"),
        ({"dn": "uid=ann,dc=example"}, "dn must have"),
        ({"base": ""}, "say base and filter"),
        ({"password_file": ""}, "belong together"),
        ({"insecure_plaintext": True}, "not plaintext"),
        ({"url": "https://ldap.example.test"}, "url must be"),
        ({"url": "ldaps://u:p@ldap.example.test"}, "url must be"),
    ],
)
async def test_settings_that_never_work(server: Slapd, changes: dict[str, object], why: str) -> None:
    """They are refused before the first login; a filter without the name would find anybody."""
    with pytest.raises(InvalidConfig, match=why):
        by_search(server, **changes)


async def test_names_that_do_not_fit_the_dn(server: Slapd) -> None:
    """Anybody can send names without a domain: they do not make those who have one wait for a pause."""
    settings = LdapSettings(url=server.ldaps, ca=server.ca, dn=f"uid={{local_part}}+dc={{domain}},{PEOPLE}", failures=2)
    source = BoundedSource(Ldap(settings), settings, now=time.monotonic)
    for _ in range(4):
        with pytest.raises(AuthUnavailable, match="invalidDNSyntax"):
            await source.verify("ann", Secret("x"))

    assert not (await source.verify("ann@example", Secret("x"))).right
    await source.close()
