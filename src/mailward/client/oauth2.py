"""Access tokens in the place of a password: got, kept while they are good, and renewed by one for all (RFC 6749)."""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, Final, Literal

from mailward.client.oauth2_cache import TokenFile
from mailward.client.oauth2_device import DeviceCode
from mailward.client.oauth2_endpoint import Endpoint
from mailward.client.oauth2_grant import ClientCredentials, Function, RefreshToken
from mailward.client.oauth2_service_account import AccountKey, ServiceAccount
from mailward.client.passwords import checked
from mailward.client.turns import alone
from mailward.errors import InputError
from mailward.sasl.mechanism import Credentials
from mailward.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from os import PathLike

    from mailward.client.authorities import Ca
    from mailward.client.oauth2_device import DevicePrompt
    from mailward.client.oauth2_endpoint import ClientAuth, Token
    from mailward.client.oauth2_grant import Given, Grant
    from mailward.net.ports import Ports

_GOOGLE: Final = "https://oauth2.googleapis.com/token"
_GMAIL: Final = "https://mail.google.com/"
_MICROSOFT: Final = "https://login.microsoftonline.com"
_MICROSOFT_APP: Final = "https://outlook.office365.com/.default"
_MICROSOFT_USER: Final = "https://outlook.office.com/SMTP.Send offline_access"
_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,253}")


class OAuth2:
    """Who logs in with tokens. One of these may serve many clients, threads and event loops: it asks once for all.

    Make one with `google`, `google_service_account`, `microsoft`, `client_credentials`, `device_code`, `refresh_token`
    or `callable`. An access token is used until shortly before it expires. One that the mail server refuses is
    replaced, and the login tried once more; if the new one is refused too, it is not replaced again before it expires.

    cache: a file (True for ~/.local/state/mailward/tokens.json) that keeps tokens for the next process, with the
    refresh token that came last where the server changes it; not encrypted, mode 0600. ca: as that of a client, for the
    token endpoint.
    """

    kind: Literal["token"] = "token"

    def __init__(self, user: str, grant: Grant, *, cache: str | PathLike[str] | bool | None = None) -> None:
        if not user:
            raise InputError("OAuth2 needs the user who logs in", phase="options", advice="give the mailbox's address")
        self.user = user
        self._grant = grant
        self._file = TokenFile.of(cache)
        self._token: Token | None = None
        self._in_vain = False  # it replaced one that was refused, and was not accepted since

    def __repr__(self) -> str:
        user = getattr(self, "user", "…")  # a traceback shows us even where the user was refused
        return f"OAuth2({user!r})"

    @classmethod
    def google(
        cls,
        user: str,
        *,
        client_id: str,
        client_secret: str | Secret,
        refresh_token: str | Secret,
        token_url: str = _GOOGLE,
        ca: Ca | None = None,
        cache: str | PathLike[str] | bool | None = None,
    ) -> OAuth2:
        """Gmail and Google Workspace, with a refresh token of scope https://mail.google.com/."""
        try:
            endpoint = Endpoint(client_id, checked(client_secret), ca=ca, client_auth="post")
            return cls(user, RefreshToken(endpoint, token_url, checked(refresh_token)), cache=cache)
        finally:
            del client_secret, refresh_token  # a traceback that shows local variables must not show them

    @classmethod
    def google_service_account(
        cls,
        user: str,
        *,
        key_file: str | PathLike[str],
        scope: str = _GMAIL,
        ca: Ca | None = None,
        cache: str | PathLike[str] | bool | None = None,
    ) -> OAuth2:
        """Google Workspace without a human: the account whose JSON key this is may act for the domain's users.

        An administrator allows that once, for the scope (domain-wide delegation).
        """
        key = AccountKey.read(os.fspath(key_file))
        endpoint = Endpoint("", None, ca=ca)
        return cls(user, ServiceAccount(endpoint, key.token_url, key, user, scope), cache=cache)

    @classmethod
    def microsoft(
        cls,
        user: str,
        *,
        tenant: str,
        client_id: str,
        client_secret: str | Secret | None = None,
        refresh_token: str | Secret | None = None,
        authority: str = _MICROSOFT,
        ca: Ca | None = None,
        cache: str | PathLike[str] | bool | None = None,
    ) -> OAuth2:
        """Microsoft 365: an application's own permission (SMTP.SendAsApp) with client_secret, a user's (SMTP.Send) with
        refresh_token, or with both where the application is confidential.

        authority: of another cloud, such as https://login.microsoftonline.us.
        """
        try:
            if not _TENANT.fullmatch(tenant):
                raise InputError("tenant= must be the tenant's id or one of its domains", phase="options")
            if client_secret is None and refresh_token is None:
                raise InputError("OAuth2.microsoft needs client_secret= or refresh_token=", phase="options")
            secret = None if client_secret is None else checked(client_secret)
            endpoint = Endpoint(client_id, secret, ca=ca, client_auth="post")
            url = f"{authority.rstrip('/')}/{tenant}/oauth2/v2.0/token"
            if refresh_token is None:
                return cls(user, ClientCredentials(endpoint, url, _MICROSOFT_APP), cache=cache)
            return cls(user, RefreshToken(endpoint, url, checked(refresh_token), _MICROSOFT_USER), cache=cache)
        finally:
            del client_secret, refresh_token  # a traceback that shows local variables must not show them

    @classmethod
    def client_credentials(
        cls,
        user: str,
        *,
        token_url: str,
        client_id: str,
        client_secret: str | Secret,
        scope: str | None = None,
        client_auth: ClientAuth = "basic",
        ca: Ca | None = None,
        cache: str | PathLike[str] | bool | None = None,
    ) -> OAuth2:
        """A program that logs in as itself (RFC 6749 §4.4). client_auth: "post" has the secret in the form."""
        try:
            endpoint = Endpoint(client_id, checked(client_secret), ca=ca, client_auth=client_auth)
            return cls(user, ClientCredentials(endpoint, token_url, scope), cache=cache)
        finally:
            del client_secret  # a traceback that shows local variables must not show them

    @classmethod
    def refresh_token(
        cls,
        user: str,
        *,
        token_url: str,
        client_id: str,
        refresh_token: str | Secret,
        client_secret: str | Secret | None = None,
        scope: str | None = None,
        client_auth: ClientAuth = "basic",
        ca: Ca | None = None,
        cache: str | PathLike[str] | bool | None = None,
    ) -> OAuth2:
        """With a refresh token that was got elsewhere (RFC 6749 §6)."""
        try:
            secret = None if client_secret is None else checked(client_secret)
            endpoint = Endpoint(client_id, secret, ca=ca, client_auth=client_auth)
            return cls(user, RefreshToken(endpoint, token_url, checked(refresh_token), scope), cache=cache)
        finally:
            del client_secret, refresh_token  # a traceback that shows local variables must not show them

    @classmethod
    def device_code(
        cls,
        user: str,
        *,
        device_url: str,
        token_url: str,
        client_id: str,
        prompt: Callable[[DevicePrompt], Awaitable[None] | None],
        scope: str | None = None,
        client_secret: str | Secret | None = None,
        ca: Ca | None = None,
        cache: str | PathLike[str] | bool | None = None,
    ) -> OAuth2:
        """Somebody allows it in a browser (RFC 8628). prompt: is called with a `DevicePrompt` that says where and how.

        Without cache= every process asks anew. Allow it time: `timeout=` bounds the waiting too.
        """
        try:
            secret = None if client_secret is None else checked(client_secret)
            endpoint = Endpoint(client_id, secret, ca=ca, client_auth="post")
            return cls(user, DeviceCode(endpoint, device_url, token_url, scope, prompt), cache=cache)
        finally:
            del client_secret  # a traceback that shows local variables must not show them

    @classmethod
    def callable(cls, user: str, function: Callable[[], Given | Awaitable[Given]]) -> OAuth2:
        """Tokens of another library: `function` gives one, or one and for how many seconds it is good (60 if unsaid).

        It is called when a token is needed, and after one was refused; with AsyncClient it may be asynchronous.
        """
        return cls(user, Function(function))

    async def ready(self, ports: Ports, *, until: float | None) -> None:
        await self._fresh(ports, until)

    async def current(self, ports: Ports, *, until: float | None, host: str, port: int) -> Credentials:
        token = await self._fresh(ports, until)
        return Credentials(self.user, token.access, kind="token", host=host, port=port)

    async def rejected(self, credentials: Credentials, ports: Ports, *, until: float | None) -> bool:
        if self._is_another(credentials.password):
            return True
        if self._in_vain:
            return False
        async with self._alone(ports, until):
            if not self._is_another(credentials.password):
                self._token = await self._renewed(credentials.password, ports, until)
                self._in_vain = True
        return True

    def accepted(self, credentials: Credentials) -> None:
        if not self._is_another(credentials.password):
            self._in_vain = False

    async def _fresh(self, ports: Ports, until: float | None) -> Token:
        token = self._kept(ports)
        if token is not None:
            return token
        async with self._alone(ports, until):
            token = self._kept(ports)
            if token is None:
                self._token = token = await self._renewed(None, ports, until)
                self._in_vain = False
        return token

    def _kept(self, ports: Ports) -> Token | None:
        token = self._token
        return token if token is not None and token.is_fresh(ports.utc().timestamp()) else None

    def _is_another(self, access: Secret) -> bool:
        token = self._token
        return token is not None and token.access != access

    def _alone(self, ports: Ports, until: float | None) -> AbstractAsyncContextManager[None]:
        return alone(("oauth2", id(self)), ports, until=until, what="another login of this process to get a token")

    async def _renewed(self, refused: Secret | None, ports: Ports, until: float | None) -> Token:
        """One that is not `refused`: another process may have stored it, else it is asked for."""
        last = self._token.refresh if self._token else None
        if self._file is None:
            return await self._grant.obtain(last, ports, until=until)
        async with self._file.locked(ports, until=until):
            stored = self._file.load(self._name)
            if stored is not None and stored.is_fresh(ports.utc().timestamp()) and stored.access != refused:
                return stored
            token = await self._grant.obtain(stored.refresh if stored else last, ports, until=until)
            self._token = token  # the last refresh token is used up: what cannot be stored must not be lost here too
            self._file.store(self._name, token)
            return token

    @property
    def _name(self) -> str:
        return hashlib.sha256("\0".join((self.user, *self._grant.names)).encode()).hexdigest()[:32]
