"""Whether a right credential may log in now: one decision, whatever the mechanism and the door."""

from __future__ import annotations

from typing import Literal, TypeAlias

from mailward.accounts.account import Account, AppPassword, Credential
from mailward.events import Reason

Standing: TypeAlias = Literal[Reason.DISABLED, Reason.EXPIRED, Reason.APP_PASSWORD_REQUIRED, Reason.SCOPE, Reason.STALE]


def standing(account: Account, credential: Credential | None, now: float, *, service: str = "smtp") -> Standing | None:
    """Why not, or None. credential: None for what is not kept here: a bearer token, a certificate, another source.

    Asked only after the proof: who cannot prove it learns nothing of it.
    """
    if account.disabled:
        return Reason.DISABLED
    if credential is None:
        return None
    if account.credential(credential.id) is None:
        return Reason.STALE
    if credential.expires is not None and credential.expires <= now:
        return Reason.EXPIRED
    if isinstance(credential, AppPassword):
        return None if service in credential.scopes else Reason.SCOPE
    if account.second_factor:
        return Reason.APP_PASSWORD_REQUIRED
    return Reason.EXPIRED if account.must_change else None
