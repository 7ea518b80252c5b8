"""Finding accounts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.accounts.account import AccountOverride
from mailward.accounts.finding import checked_networks
from mailward.accounts.rules import PasswordRules
from mailward.errors import InputError
from mailward.guard.allowlist import Networks
from mailward.secret import Secret
from tests.accounts.conftest import ANN, CANARY, Installation


def test_the_rules_and_the_file_are_applied(installation: Installation) -> None:
    """The same rows under other settings: an age, and a word of the configuration file under any spelling."""
    installation.accounts.add(ANN, Secret(CANARY))
    strict = installation.opened(
        rules=PasswordRules.of("nist", maximum_age_days=10),
        overrides={"ANN@Example.test": AccountOverride(disabled=True)},
    )

    found = strict.existing(ANN)
    assert (found.expires, found.disabled, found.overridden) == (100.0 + 864_000, True, {"disabled"})
    assert strict.listing() == (found,)
    plain = installation.accounts.existing(ANN)
    assert (plain.expires, plain.disabled, plain.overridden) == (None, False, frozenset())


def test_a_look_up_is_one_statement(installation: Installation) -> None:
    """By index only, with all its credentials: what one login reads is of one moment."""
    installation.accounts.add(ANN, Secret(CANARY))
    installation.accounts.add_app_password(ANN, "phone")
    statements: list[str] = []
    reader = installation.database.reader()
    reader.set_trace_callback(statements.append)
    found = installation.accounts.find_key(ANN)
    reader.set_trace_callback(None)

    assert found is not None
    assert len(found.app_passwords) == 1
    [statement] = statements
    plan = " ".join(str(row) for row in reader.execute("EXPLAIN QUERY PLAN " + statement))
    assert "SCAN" not in plan
    assert plan.count("SEARCH") == 2


@pytest.mark.parametrize(
    "entry,network",
    [("192.0.2.7", "192.0.2.7/32"), (" 2001:DB8::/32 ", "2001:db8::/32"), ("0.0.0.0/0", "0.0.0.0/0")],
)
def test_networks_have_one_spelling(entry: str, network: str) -> None:
    """As they are kept and shown."""
    assert checked_networks([entry, network]) == (network,)


@pytest.mark.parametrize(
    "entry",
    ["", "192.0.2.7/24", "192.0.2.0/33", "example.test", "10.0.0.1/x", "\x1b[0m", "fe80::1%eth0", "10.0.0.0/255.0.0.0"],
)
def test_what_is_no_network(entry: str) -> None:
    """It is named, harmlessly, with the way to write it."""
    with pytest.raises(InputError, match="is no network") as caught:
        checked_networks([entry])
    assert str(caught.value).isprintable()
    assert "192.0.2.0/24" in caught.value.advice


@given(st.text(alphabet="0123456789abcdef:./% ", max_size=24) | st.ip_addresses().map(str))
def test_what_is_kept_can_be_read_by_the_guard(entry: str) -> None:
    """A login never fails over a list that was taken here."""
    try:
        networks = checked_networks([entry])
    except InputError:
        return
    assert Networks.parse(networks)
