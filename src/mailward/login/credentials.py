"""What a credential is worth: whose it is, whether it may log in here and now, and how it is called in events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from mailward.accounts import app_passwords
from mailward.accounts.account import Account, AppPassword, Credential, StoredPassword
from mailward.accounts.directory import NOTED_EVERY
from mailward.accounts.standing import standing
from mailward.accounts.token_claims import BadToken
from mailward.events import Reason
from mailward.guard.allowlist import Networks
from mailward.sasl.scram import barred_keys, fake_keys

if TYPE_CHECKING:
    from mailward.accounts.bearer import BearerValidator
    from mailward.accounts.directory import Accounts
    from mailward.accounts.hasher import Hasher
    from mailward.accounts.sources.several import Several
    from mailward.login.peer import Peer
    from mailward.sasl.mechanism import ProofClaim, ScramKeys
    from mailward.secret import Secret

# What may be looked at: everything; only what nobody can guess; that, after the work of a wrong password; or nothing.
Access: TypeAlias = Literal["all", "strong", "sprayed", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """reason: why it does not log in, None when it does. credential: what it was proved with, as events call it.

    strong: nobody can guess it. grace: past its time, and taken for the last days. settle: writes down that it was
    used; it may block. tag: stands for a password that was proved in vain, and not shown.
    """

    reason: Reason | None
    account: Account | None = None
    credential: str | None = None
    strong: bool = False
    grace: bool = False
    settle: Callable[[], None] | None = None
    tag: str | None = None


class Credentials:
    """hasher: verifies passwords. sources: where else accounts are, asked for the names that are not in `accounts`.

    fake_key: makes the stable false SCRAM keys of accounts that do not exist. tokens: validates bearer tokens.
    certified: the account of a client certificate, DER.
    """

    def __init__(
        self,
        accounts: Accounts,
        hasher: Hasher,
        *,
        now: Callable[[], float],
        fake_key: bytes,
        sources: Several | None = None,
        tokens: BearerValidator | None = None,
        certified: Callable[[bytes], str | None] = lambda _der: None,
    ) -> None:
        self._accounts = accounts
        self._hasher = hasher
        self._now = now
        self._fake_key = fake_key
        self._sources = sources
        self._certified = certified
        self.tokens = tokens

    @property
    def kept_elsewhere(self) -> bool:
        """Whether there are other places with accounts."""
        return self._sources is not None

    def at_home(self, account: Account, peer: Peer) -> bool:
        """Whether the account's own list of networks, if it has one, holds the source."""
        return not account.allow_from or peer.source in _networks(account.allow_from)

    def renewed(self, account: Account) -> Account | None:
        """The account as it is now, None when its login is over; one that is kept elsewhere stays as it is."""
        found = self._accounts.find_key(account.name)
        if found is None:
            return None if account.created else account
        return found if found.changed == account.changed or (not account.created and not found.disabled) else None

    # --- passwords

    async def password(
        self, account: Account | None, name: str, password: Secret, peer: Peer, *, access: Access, known: bool
    ) -> Finding:
        """AuthUnavailable, StoreError when nobody can tell. known: the source has logged in to the account before."""
        app = app_passwords.matching(account, password) if account is not None and access != "nothing" else None
        if account is not None and app is not None:
            return self._found(account, app, peer)
        if access == "strong":
            return Finding(reason=Reason.BAD_PASSWORD)
        if account is None and access == "all" and name and self._sources is not None:
            return await self._elsewhere(self._sources, name, password, peer)
        if account is None or access != "all":
            await self._hasher.verify_async(None, password, known=known)
            return Finding(reason=Reason.UNKNOWN_ACCOUNT if account is None else Reason.BAD_PASSWORD)
        verifiers = [stored.verifier for stored in account.passwords]
        right = await self._hasher.first_right_async(verifiers, password, known=known)
        if right is None:
            return Finding(reason=Reason.BAD_PASSWORD)
        return self._found(account, account.passwords[right], peer, password=password)

    async def _elsewhere(self, sources: Several, name: str, password: Secret, peer: Peer) -> Finding:
        answer = await sources.verify(name, password, source=str(peer.source), service=peer.service)
        if answer.account is None or (answer.account != name and self._accounts.find_key(answer.account) is not None):
            return Finding(reason=Reason.UNKNOWN_ACCOUNT)  # what is kept here, nobody else says who is
        account = self._accounts.overridden(
            Account(
                name=answer.account,
                passwords=(),
                senders=_with_own(answer.account, answer.senders),
                created=0.0,
                changed=0.0,
                allow_from=answer.allow_from,
                disabled=answer.disabled,
            )
        )
        if not answer.right:
            return Finding(reason=Reason.BAD_PASSWORD, account=account)
        if account.second_factor:
            return Finding(reason=Reason.APP_PASSWORD_REQUIRED, account=account)
        return self._checked(account, None, peer, Finding(reason=None, account=account, credential="account-source"))

    # --- SCRAM

    def keys(self, account: Account | None, name: str, peer: Peer, access: Access) -> ScramKeys:
        """What the exchange is checked against, or false keys, the same each time: nobody can tell by asking."""
        if account is None:
            return fake_keys(self._fake_key, name)
        provable = [self._heard(account, credential, keys, peer) for credential, keys in _provable(account, access)]
        if not provable:
            own = replace(fake_keys(self._fake_key, name), salt=account.scram_salt, iterations=account.scram_iterations)
            return barred_keys(own)
        old = tuple(keys for _, keys in _with_keys(account.old)) if access == "all" else ()
        return replace(provable[0], others=tuple(provable[1:]), old=old)

    def proof(self, account: Account | None, claim: ProofClaim, peer: Peer, access: Access) -> Finding:
        """What the exchange proved with the keys that `keys` gave for the same account and access."""
        if account is None:
            return Finding(reason=Reason.UNKNOWN_ACCOUNT)
        if claim.silent:
            credential, _ = _provable(account, access)[claim.which]
            finding = self._found(account, credential, peer)
            return replace(finding, reason=finding.reason or Reason.BAD_PASSWORD, settle=None, tag=f"{credential.id}")
        if not claim.proven:
            return Finding(reason=Reason.STALE if claim.stale else Reason.BAD_PASSWORD, account=account)
        credential, _ = _provable(account, access)[claim.which]
        return self._found(account, credential, peer)

    def _heard(self, account: Account, credential: Credential, keys: ScramKeys, peer: Peer) -> ScramKeys:
        """The server's signature tells that the password is right: nobody hears it who may not log in with it."""
        return replace(keys, silent=self._found(account, credential, peer).reason is not None)

    # --- tokens and certificates

    async def token(self, name: str, token: Secret, peer: Peer) -> Finding:
        """name: canonical, as the client says it; empty when it leaves that to the token. AuthUnavailable."""
        if self.tokens is None:
            return Finding(reason=Reason.BAD_TOKEN, strong=True)
        try:
            answer = await self.tokens.validate(token)
        except BadToken:
            return Finding(reason=Reason.BAD_TOKEN, strong=True)
        if name and name != answer.account:
            return Finding(reason=Reason.BAD_TOKEN, strong=True)
        return self._vouched(answer.account, f"token:{answer.issuer}", peer)

    def certificate(self, peer: Peer) -> Finding:
        """The client has proved in the handshake that it holds the key."""
        name = self._certified(peer.certificate) if peer.certificate is not None else None
        if name is None:
            return Finding(reason=Reason.UNKNOWN_ACCOUNT, strong=True)
        return self._vouched(name, "certificate", peer)

    def _vouched(self, name: str, credential: str, peer: Peer) -> Finding:
        """Somebody we trust says that this is `name`; the account need not be one of ours."""
        found = self._accounts.find_key(name)
        account = found or self._accounts.overridden(
            Account(name, passwords=(), senders=_with_own(name, ()), created=0.0, changed=0.0)
        )
        return self._checked(
            account, None, peer, Finding(reason=None, account=account, credential=credential, strong=True)
        )

    # --- what all have in common

    def _found(
        self, account: Account, credential: Credential, peer: Peer, *, password: Secret | None = None
    ) -> Finding:
        now = self._now()
        strong = isinstance(credential, AppPassword)
        finding = Finding(
            reason=None,
            account=account,
            credential=f"app-password:{credential.label}" if isinstance(credential, AppPassword) else "password",
            strong=strong,
            grace=isinstance(credential, StoredPassword) and credential.in_grace(now),
            settle=self._settling(account, credential, now, password),
        )
        return self._checked(account, credential, peer, finding)

    def _checked(self, account: Account, credential: Credential | None, peer: Peer, finding: Finding) -> Finding:
        """The same decision for each way to log in."""
        reason: Reason | None = standing(account, credential, self._now(), service=peer.service)
        if reason is None and not self._from_here(account, credential, peer):
            reason = Reason.NOT_ALLOWED
        return finding if reason is None else replace(finding, reason=reason, settle=None)

    def _from_here(self, account: Account, credential: Credential | None, peer: Peer) -> bool:
        own = credential.allow_from if isinstance(credential, AppPassword) else ()
        return self.at_home(account, peer) and (not own or peer.source in _networks(own))

    def _outdated(self, credential: Credential) -> bool:
        return isinstance(credential, StoredPassword) and self._hasher.outdated(credential.verifier)

    def _settling(
        self, account: Account, credential: Credential, now: float, password: Secret | None
    ) -> Callable[[], None] | None:
        """None when there is nothing to write down: most logins are no transaction."""
        outdated = self._outdated(credential)
        if not outdated and credential.last_used is not None and now - credential.last_used < NOTED_EVERY:
            return None
        return partial(self._used, account.name, credential.id, now, outdated, password)

    def _used(self, name: str, number: int, now: float, outdated: bool, password: Secret | None) -> None:  # noqa: FBT001
        self._accounts.used(name, number, now)
        if outdated and password is not None:
            self._accounts.rehash(name, number, password)


def _provable(account: Account, access: Access) -> tuple[tuple[Credential, ScramKeys], ...]:
    """What an exchange may prove, in an order that does not change."""
    if access == "nothing":
        return ()
    return _with_keys((*(account.passwords if access == "all" else ()), *account.app_passwords))


def _with_keys(credentials: tuple[Credential, ...]) -> tuple[tuple[Credential, ScramKeys], ...]:
    return tuple((each, each.scram) for each in credentials if each.scram is not None)


def _with_own(name: str, senders: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(((name,) if "@" in name else ()) + senders))


@lru_cache(maxsize=4096)
def _networks(entries: tuple[str, ...]) -> Networks:
    return Networks.parse(entries)
