"""From rows to accounts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailward.accounts.account import AccountOverride
from mailward.accounts.rotation import DAY
from mailward.accounts.rows import account_of
from mailward.accounts.rules import NIST, PasswordRules
from mailward.errors import StoreError
from mailward.sasl.mechanism import ScramKeys
from mailward.store.accounts import AccountRow
from mailward.store.credentials import CredentialRow

CURRENT = CredentialRow(3, "current", "v3", b"k3", b"s3", 30.0, last_used=31.0)
FORMER = CredentialRow(2, "former", "v2", None, None, 20.0, ends=90.0, since=30.0)
OLD = CredentialRow(1, "old", "v1", b"k1", b"s1", 10.0)
APP = CredentialRow(
    4, "app", "d4", b"k4", b"s4", 40.0, ends=99.0, selector="abcdefgh", label="phone", scopes='["smtp"]',
    allow_from='["192.0.2.0/24"]',
)  # fmt: skip
ROW = AccountRow(
    "ann@example.test", b"salt", 4096, '["sales@example.test"]', 1.0, 2.0, credentials=(APP, CURRENT, FORMER, OLD)
)


def test_each_credential_has_its_place() -> None:
    """The newest password first, the old ones apart, all under the account's one salt."""
    account = account_of(ROW, NIST, None)

    assert [each.id for each in account.passwords] == [3, 2]
    assert [each.id for each in account.old] == [1]
    assert account.passwords[0].scram == ScramKeys(b"salt", 4096, b"k3", b"s3")
    assert account.passwords[1].scram is None
    assert (account.passwords[0].last_used, account.passwords[0].expires, account.passwords[1].expires) == (
        31.0, None, 90.0,
    )  # fmt: skip
    [app] = account.app_passwords
    assert (app.label, app.selector, app.scopes, app.allow_from) == (
        "phone", "abcdefgh", {"smtp"}, ("192.0.2.0/24",),
    )  # fmt: skip
    assert (app.digest, app.expires) == ("d4", 99.0)
    assert account.senders == ("ann@example.test", "sales@example.test")


def test_whatever_ends_first() -> None:
    """The older of two ends with the overlap or with its own age."""
    rules = PasswordRules.of("nist", maximum_age_days=15, grace_days=1)
    account = account_of(ROW, rules, None)
    long = replace(FORMER, ends=100 * DAY)

    assert account.passwords[0].due == 30.0 + 15 * DAY
    assert account.expires == 30.0 + 16 * DAY
    assert account.passwords[1].expires == 90.0
    assert account_of(replace(ROW, credentials=(CURRENT, long)), rules, None).passwords[1].expires == 20.0 + 16 * DAY


def test_the_file_goes_before_the_store() -> None:
    """What it says counts, also when it says no; what it does not say is as the store has it."""
    locked = replace(ROW, disabled=1, second_factor=1, allow_from='["192.0.2.0/24"]')
    override = AccountOverride(allow_from=(), senders=("Info@example.test",), disabled=False)
    account = account_of(locked, NIST, override)

    assert (account.disabled, account.second_factor, account.allow_from) == (False, True, ())
    assert account.senders == ("ann@example.test", "info@example.test")
    assert account.overridden == {"allow_from", "senders", "disabled"}
    assert account_of(locked, NIST, AccountOverride()) == account_of(locked, NIST, None)


@pytest.mark.parametrize(
    "damaged,says",
    [
        (replace(ROW, credentials=()), "no password"),
        (replace(ROW, credentials=(FORMER,)), "no password"),
        (replace(ROW, senders="{"), "senders .* damaged"),
        (replace(ROW, allow_from='"x"'), "networks .* damaged"),
        (replace(ROW, credentials=(CURRENT, replace(APP, scopes="7"))), "scopes .* damaged"),
    ],
)
def test_damage_is_told(damaged: AccountRow, says: str) -> None:
    """A row that was tampered with is a StoreError, not a guess."""
    with pytest.raises(StoreError, match=says):
        account_of(damaged, NIST, None)
