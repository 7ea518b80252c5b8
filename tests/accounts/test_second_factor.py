"""App passwords and authenticators of accounts."""

from __future__ import annotations

import base64
import traceback
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailward.accounts import totp
from mailward.accounts.app_passwords import MOST, matching
from mailward.accounts.directory import Accounts
from mailward.accounts.standing import standing
from mailward.errors import InputError
from mailward.events import Reason
from mailward.sasl.scram import derive_keys
from mailward.secret import Secret
from tests.accounts.conftest import ANN, CANARY, OTHER, Installation


def test_what_was_made_is_found(installation: Installation) -> None:
    """With everything it was given, by PLAIN and by SCRAM; the account's salt serves for it too."""
    accounts = installation.accounts
    accounts.add(ANN, Secret(CANARY))
    made, password = accounts.add_app_password(
        "ANN@example.test", " phone ", scopes=["smtp", "imap"], allow_from=["192.0.2.0/24"], expires=500.0
    )
    account = accounts.existing(ANN)

    assert account.app_passwords == (made,)
    assert (made.label, made.scopes, made.allow_from, made.expires) == (
        "phone", {"smtp", "imap"}, ("192.0.2.0/24",), 500.0,
    )  # fmt: skip
    assert matching(account, password) == made
    assert made.scram == derive_keys(password.reveal(), account.scram_salt, account.scram_iterations)
    assert accounts.app_password(ANN, "phone") == accounts.app_password(ANN, str(made.id)) == made


def test_it_outlives_the_password(accounts: Accounts) -> None:
    """A new password of the account leaves its programs alone; revoking one leaves the others."""
    accounts.add(ANN, Secret(CANARY))
    phone, first = accounts.add_app_password(ANN, "phone")
    _, second = accounts.add_app_password(ANN, "tablet")
    accounts.set_password(ANN, Secret(OTHER))
    accounts.revoke_app_password(ANN, phone.id)
    account = accounts.existing(ANN)

    assert matching(account, first) is None
    found = matching(account, second)
    assert found is not None
    assert standing(account, found, 100.0) is None


def test_revoking_what_is_not_there(accounts: Accounts) -> None:
    """Somebody else's, one that is gone, or a password of the account: told with those there are."""
    accounts.add(ANN, Secret(CANARY))
    bob = accounts.add("bob", Secret(OTHER))
    phone, _ = accounts.add_app_password(ANN, "phone")
    for name, number in (("bob", phone.id), (ANN, phone.id + 1), ("bob", bob.passwords[0].id)):
        with pytest.raises(InputError, match="has no app password"):
            accounts.revoke_app_password(name, number)
    with pytest.raises(InputError, match=rf"no app password 'laptop'; {phone.id} \(phone\)"):
        accounts.app_password(ANN, "laptop")

    assert accounts.existing(ANN).app_passwords == (phone,)
    assert len(accounts.existing("bob").passwords) == 1


def test_there_are_at_most_so_many(installation: Installation) -> None:
    """The next one is refused until another is revoked; so is a second one of the same label."""
    accounts = installation.accounts
    accounts.add(ANN, Secret(CANARY))
    made = [accounts.add_app_password(ANN, f"program {number}")[0] for number in range(MOST)]
    with pytest.raises(InputError, match="has 25 app passwords, which is the most"):
        accounts.add_app_password(ANN, "one more")
    accounts.revoke_app_password(ANN, made[0].id)
    with pytest.raises(InputError, match="an app password 'program 1' already"):
        accounts.add_app_password(ANN, "program 1")
    accounts.add_app_password(ANN, "one more")

    assert len(accounts.existing(ANN).app_passwords) == MOST


def test_bad_values_make_none(accounts: Accounts) -> None:
    """A label, a scope, a network or an end that is none; and nobody's account."""
    accounts.add(ANN, Secret(CANARY))
    for label in ("", " ", "a\nb", "x" * 65, "\x1b[31m"):
        with pytest.raises(InputError, match="label"):
            accounts.add_app_password(ANN, label)
    with pytest.raises(InputError, match="no scope"):
        accounts.add_app_password(ANN, "a", scopes=["everything"])
    with pytest.raises(InputError, match="no network"):
        accounts.add_app_password(ANN, "a", allow_from=["example.test"])
    with pytest.raises(InputError, match="run out already"):
        accounts.add_app_password(ANN, "a", expires=100.0)
    with pytest.raises(InputError, match=r"is it 'ann@example.test'\?"):
        accounts.add_app_password("anna@example.test", "a")
    assert accounts.existing(ANN).app_passwords == ()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=70))
def test_any_label_comes_back_as_it_is(accounts: Accounts, label: str) -> None:
    """Whatever is taken is found again under its name."""
    if accounts.find(ANN) is None:
        accounts.add(ANN, Secret(CANARY))
    try:
        made, _ = accounts.add_app_password(ANN, label)
    except InputError:
        return

    assert accounts.app_password(ANN, str(made.id)).label == label.strip()
    accounts.revoke_app_password(ANN, made.id)


def test_an_authenticator(installation: Installation) -> None:
    """Its codes are taken once each; the account's own password no longer sends mail, until it is taken away."""
    accounts = installation.accounts
    accounts.add(ANN, Secret(CANARY))
    uri = accounts.enable_totp(ANN, "mx.example.test").reveal()
    [encoded] = parse_qs(urlsplit(uri).query)["secret"]
    account = accounts.existing(ANN)
    assert (account.totp, account.second_factor) == (True, True)
    assert standing(account, account.passwords[0], 100.0) is Reason.APP_PASSWORD_REQUIRED

    code = _code_of(encoded, 3)
    assert [accounts.verify_totp(ANN, code), accounts.verify_totp(ANN, code)] == [True, False]
    assert not accounts.verify_totp(ANN, _code_of(encoded, 2))
    assert accounts.verify_totp(ANN, _code_of(encoded, 4))
    assert not accounts.verify_totp("bob", code)
    accounts.disable_totp(ANN)
    installation.clock = 200.0
    assert not accounts.verify_totp(ANN, _code_of(encoded, 6))
    account = accounts.existing(ANN)
    assert standing(account, account.passwords[0], 100.0) is None


def test_enabling_again_voids_the_one_before(installation: Installation) -> None:
    """The new secret's codes count, and the old one's do not."""
    accounts = installation.accounts
    accounts.add(ANN, Secret(CANARY))
    first, second = (parse_qs(urlsplit(accounts.enable_totp(ANN, "x").reveal()).query)["secret"][0] for _ in range(2))

    assert not accounts.verify_totp(ANN, _code_of(first, 3))
    assert accounts.verify_totp(ANN, _code_of(second, 3))


def test_no_secret_is_shown(installation: Installation) -> None:
    """What was made once is in no repr, no error and, but for the authenticator's secret, not in the database."""
    accounts = installation.accounts
    accounts.add(ANN, Secret(CANARY))
    made, password = accounts.add_app_password(ANN, "phone")
    with pytest.raises(InputError) as caught:
        accounts.add_app_password(ANN, "phone")
    trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    installation.writer.close()
    stored = b"".join(path.read_bytes() for path in installation.database.path.parent.iterdir())
    secret = password.reveal()[-24:]

    assert secret not in repr(made)
    assert secret not in repr(accounts.existing(ANN))
    assert made.digest not in "".join(trace.format())
    assert secret.encode() not in stored


def _code_of(encoded: str, step: int) -> str:
    return totp.code(base64.b32decode(encoded), step)
