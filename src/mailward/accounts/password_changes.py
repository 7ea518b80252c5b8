"""New passwords for old: the policy, the history and the ages enforced where one is set, each change at once or not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from mailward.accounts import policy, rotation
from mailward.accounts.account import Account, StoredPassword
from mailward.accounts.finding import FoundAccounts
from mailward.accounts.rotation import DAY, Expiring
from mailward.errors import BadCredentials, InputError, PasswordRefused
from mailward.sasl.mechanism import ScramKeys
from mailward.sasl.scram import derive_keys
from mailward.secret import Secret
from mailward.store import accounts as table
from mailward.store import credentials
from mailward.store.credentials import NewPassword

_REMEMBERED = 5  # former passwords that are recognised even where the rules ask for no history
_LONGEST_OVERLAP = 365  # days


class PasswordChanges(FoundAccounts):
    """Everything that sets a password blocks for some 50 ms and more: hashing is meant to be slow."""

    def set_password(self, name: str, password: Secret, *, hostname: str = "") -> None:
        """What the operator does: the one password from now on. It has no minimum age.

        InputError: no such account. PasswordRefused: with every reason.
        """
        account = self.existing(name)
        self._refuse(*self._reasons(account, password, hostname))
        self._replace(account, password)

    def change_own(self, name: str, old: Secret, new: Secret, *, hostname: str = "") -> None:
        """What the owner does, also after the password has run out or when it has to be changed.

        The old one is checked first: BadCredentials for a wrong one, nobody's account and a locked one alike, after
        the same work (twice that while two passwords overlap); count that as a failed login. PasswordRefused: with
        every reason.
        """
        account = self.find(name)
        if not self._proves(account, old) or account is None:
            raise BadCredentials("the present password is wrong", phase="password")
        self._refuse(
            *self._too_young(account),
            *self._reasons(account, new, hostname, least=max(self._rules.history, len(account.passwords))),
        )
        self._replace(account, new)

    def rotate(self, name: str, password: Secret, *, days: int | None = None, hostname: str = "") -> float:
        """A new password beside the present one, which is taken for `days` more at most; when that is.

        One that overlapped before ends now, and so does one that had to be changed. InputError: no such account, or
        days that are none. PasswordRefused: with every reason.
        """
        lasting = self._overlap.days if days is None else days
        if not 1 <= lasting <= _LONGEST_OVERLAP:
            raise InputError(f"an overlap lasts 1 to {_LONGEST_OVERLAP} days, not {lasting}", phase="account")
        account = self.existing(name)
        self._refuse(*self._reasons(account, password, hostname))
        until = self._now() + lasting * DAY
        new, expected = self._new(account, password), account.passwords[0].id
        if not self._run(credentials.overlap(account.name, new, expected=expected, until=until, keep=self._keep)):
            raise _overtaken(account.name)
        return until

    def retire(self, name: str) -> bool:
        """End the overlap now: only the newest password is taken. False: there was no other."""
        account = self.existing(name)
        return self._run(credentials.retire(account.name, now=self._now(), keep=self._keep))

    def retire_silent(self, now: float) -> tuple[tuple[str, Literal["silent", "overlap-over"]], ...]:
        """End each overlap that is over, or whose older password has been silent; whose, and why."""
        unused_since = now - self._overlap.silent_days * DAY
        if not credentials.any_silent(self._reader, now=now, unused_since=unused_since):
            return ()
        done = self._run(credentials.retire_silent(now=now, unused_since=unused_since, keep=self._keep))
        return tuple((name, "overlap-over" if over else "silent") for name, over in done)

    def expiring(self, now: float) -> tuple[Expiring, ...]:
        """What has not been told yet; tell each for which `warned` says so."""
        if not self._rules.maximum_age_days:
            return ()
        every = ((rotation.expiring(self._account(row), now, self._rules), row) for row in table.listing(self._reader))
        return tuple(told for told, row in every if told is not None and not _was_told(told, row.credentials))

    def warned(self, told: Expiring) -> bool:
        """Note that this stage is being told. False: another worker is telling it, or has."""
        return self._run(credentials.warned(told.password, told.stage))

    def rehash(self, name: str, number: int, password: Secret) -> bool:
        """The same password, which has just been proved right, under the present parameters and with SCRAM keys.

        From any thread: it reads through the writer. False: it is another password by now.
        """
        row = self._run(lambda connection: table.find(connection, name))
        stored = next((each for each in row.credentials if each.id == number), None) if row is not None else None
        if row is None or stored is None or stored.state == "app":
            return False
        keys = None
        if stored.stored_key is None:
            keys = _keys(password, row.scram_salt, row.scram_iterations)
        new = NewPassword(
            verifier=self._hasher.hash(password),
            stored_key=keys.stored_key if keys else None,
            server_key=keys.server_key if keys else None,
            created=stored.created,
        )
        return self._run(credentials.rehash(name, number, new, before=stored.verifier))

    @property
    def _keep(self) -> int:
        return max(self._rules.history, _REMEMBERED)

    def _replace(self, account: Account, password: Secret) -> None:
        new, expected = self._new(account, password), account.passwords[0].id
        if not self._run(credentials.replace(account.name, new, expected=expected, keep=self._keep)):
            raise _overtaken(account.name)

    def _new(self, account: Account, password: Secret) -> NewPassword:
        keys = derive_keys(password.reveal(), account.scram_salt, account.scram_iterations)
        verifier = self._hasher.hash(password)
        return NewPassword(verifier, keys.stored_key, keys.server_key, self._now())

    def _proves(self, account: Account | None, password: Secret) -> bool:
        """Against one password at least, so that nobody's account takes as long."""
        now = self._now()
        taken: list[StoredPassword] = []
        if account is not None and not account.disabled:
            newest, *others = account.passwords  # the newest one may have run out: it can still be changed
            taken = [newest, *(each for each in others if each.expires is None or now < each.expires)]
        verifiers: list[str | None] = [*(each.verifier for each in taken)] or [None]
        return any(self._hasher.verify(verifier, password) for verifier in verifiers)

    def _reasons(self, account: Account, password: Secret, hostname: str, *, least: int | None = None) -> Iterator[str]:
        yield from self.policy_reasons(account.name, password, hostname=hostname, second_factor=account.second_factor)
        count = self._rules.history if least is None else least
        if self._repeats((*account.passwords, *account.old)[:count], account, password):
            past = f"was one of the last {count} here" if count > 1 else "is the present one"
            yield f"it {past}; choose one that is new"

    def policy_reasons(self, key: str, password: Secret, *, hostname: str, second_factor: bool) -> tuple[str, ...]:
        """What the policy alone says, for an account that exists or is to be."""
        return policy.check(
            password.reveal(),
            self._rules,
            account=key,
            hostname=hostname,
            words=self._words,
            second_factor=second_factor,
            breached=self._breached,
        )

    def _repeats(self, earlier: tuple[StoredPassword, ...], account: Account, password: Secret) -> bool:
        """One derivation serves for all that have SCRAM keys: they share the salt. Others are verified one by one."""
        keys = _keys(password, account.scram_salt, account.scram_iterations) if earlier else None
        if keys is None:
            return False  # no earlier one can be what SASLprep forbids
        foreign = [each.verifier for each in earlier if each.scram is None]
        return any(each.scram == keys for each in earlier) or any(
            self._hasher.verify(verifier, password) for verifier in foreign
        )

    def _too_young(self, account: Account) -> Iterator[str]:
        """An operator's word that it must be changed comes before its age."""
        free = account.passwords[0].created + self._rules.minimum_age_days * DAY
        if self._now() < free and not account.must_change:
            moment = datetime.fromtimestamp(free, UTC).strftime("%Y-%m-%d %H:%M UTC")
            yield f"the present password is too new to be changed; from {moment} on it may be"

    def _refuse(self, *reasons: str) -> None:
        if reasons:
            raise PasswordRefused(reasons)


def recalls(account: Account, password: Secret) -> StoredPassword | None:
    """The old password of the account that this is, by one derivation of its SCRAM keys; blocks for some 25 ms."""
    keys = _keys(password, account.scram_salt, account.scram_iterations) if account.scram_salt else None
    return next((each for each in account.old if keys is not None and each.scram == keys), None)


def _keys(password: Secret, salt: bytes, iterations: int) -> ScramKeys | None:
    try:
        return derive_keys(password.reveal(), salt, iterations)
    except InputError:
        return None


def _was_told(told: Expiring, rows: tuple[credentials.CredentialRow, ...]) -> bool:
    return any(each.id == told.password and each.warned is not None and each.warned <= told.stage for each in rows)


def _overtaken(key: str) -> InputError:
    return InputError(
        f"the password of {key!r} was changed by somebody else at this moment; nothing was changed here",
        phase="account",
        retryable=True,
        advice="look at it with mailward user show, and try again",
    )
