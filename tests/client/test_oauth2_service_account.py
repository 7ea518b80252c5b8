"""A service account's assertion, judged by another library, and keys that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from mailward.client.oauth2 import OAuth2
from mailward.errors import InputError, TokenRefused
from mailward.net.ports import Ports
from tests.support.drivers import Driver, both_drivers
from tests.support.taint import findings
from tests.support.token_endpoint import TokenEndpoint, token_endpoint

ANN = "ann@example.test"
KEY = RSAKey.generate_key(2048)


def key_file(folder: Path, server: TokenEndpoint | None = None, **changed: Any) -> Path:
    said = {
        "type": "service_account",
        "client_email": "mailer@project.example.test",
        "private_key_id": "key-1",
        "private_key": KEY.as_pem(private=True).decode(),
        "token_uri": server.token_url if server else "https://oauth2.example.test/token",
        **changed,
    }
    path = folder / "account.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(said))
    return path


def access(driver: Driver, source: OAuth2) -> str:
    async def flow(ports: Ports) -> str:
        credentials = await source.current(ports, until=ports.now() + 5, host="smtp.gmail.com", port=465)
        return credentials.password.reveal()

    return driver.run(flow)


@both_drivers
def test_an_assertion_for_a_user(driver: Driver, tmp_path: Path) -> None:
    """Signed by the account's key, for ten minutes, for this endpoint and the scope of mail; nothing else is sent."""
    with token_endpoint(key=KEY) as server:
        source = OAuth2.google_service_account(ANN, key_file=key_file(tmp_path, server), ca=server.ca)
        assert access(driver, source) == "access-1"

    claims = server.claims[0]
    assert (claims["iss"], claims["sub"]) == ("mailer@project.example.test", ANN)
    assert claims["scope"] == "https://mail.google.com/"
    assert claims["exp"] - claims["iat"] == 600
    assert set(server.forms[0]) == {"grant_type", "assertion"}


@both_drivers
def test_an_assertion_that_is_refused(driver: Driver, tmp_path: Path) -> None:
    """Another key than the one the server knows; the error shows neither key nor assertion."""
    path = key_file(tmp_path)
    pem = json.loads(path.read_text())["private_key"].splitlines()[5]
    with token_endpoint(key=RSAKey.generate_key(2048)) as server:
        source = OAuth2.google_service_account(ANN, key_file=key_file(tmp_path, server), ca=server.ca)
        with pytest.raises(TokenRefused) as caught:
            access(driver, source)

    assert caught.value.reason == "invalid_grant"
    assert findings(caught.value, (pem, server.forms[0]["assertion"][40:]), source) == []


@pytest.mark.parametrize(
    "changed",
    [{"private_key": ""}, {"private_key": 5}, {"client_email": None}, {"token_uri": []}, {"private_key_id": ""}],
    ids=range(5),
)
def test_a_file_that_is_no_key(tmp_path: Path, changed: dict[str, Any]) -> None:
    """Told when the source is made, by its path and without its content."""
    with pytest.raises(InputError, match=r"account\.json is no key of a service account") as caught:
        OAuth2.google_service_account(ANN, key_file=key_file(tmp_path, **changed))
    pem = KEY.as_pem(private=True).decode().splitlines()[5]
    assert findings(caught.value, (pem,)) == []


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 3000], ids=range(4))
def test_a_file_that_is_no_json(tmp_path: Path, content: str) -> None:
    """As far as it can be read at all."""
    path = key_file(tmp_path)
    path.write_text(content)
    with pytest.raises(InputError, match="no key of a service account"):
        OAuth2.google_service_account(ANN, key_file=path)
    path.chmod(0o644)
    with pytest.raises(InputError, match="others can use the service account's key"):
        OAuth2.google_service_account(ANN, key_file=path)


@both_drivers
@pytest.mark.parametrize("pem", ["-----BEGIN canary-----", ECKey.generate_key("P-256").as_pem(private=True).decode()])
def test_a_private_key_of_another_kind(driver: Driver, tmp_path: Path, pem: str) -> None:
    """Google's are RSA."""
    source = OAuth2.google_service_account(ANN, key_file=key_file(tmp_path, private_key=pem))
    with pytest.raises(InputError, match="no RSA key") as caught:
        access(driver, source)
    assert findings(caught.value, (pem.splitlines()[0],)) == []
