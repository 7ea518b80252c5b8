"""The sections of `mailward.toml` about who may log in, with what, and who else asks us."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from mailward.server.config_section import Section

Days = Annotated[int, msgspec.Meta(ge=0, le=3650)]
Length = Annotated[int, msgspec.Meta(ge=1, le=256)]


class PasswordsConfig(Section, frozen=True, kw_only=True):
    """What a new password must be: a profile, and what differs from it. Ages are in days, 0 for never.

    `overlap_days`: how long the older of two passwords is taken at most, after `mailward user rotate`; `silent_days`:
    how long when nobody uses it.
    """

    profile: Literal["nist", "pci", "legacy"] = "nist"
    minimum_length: Length | None = None
    minimum_length_with_second_factor: Length | None = None
    maximum_length: Length | None = None
    minimum_score: Annotated[int, msgspec.Meta(ge=0, le=4)] | None = None
    character_classes: Annotated[int, msgspec.Meta(ge=0, le=4)] | None = None
    letters_and_digits: bool | None = None
    history: Annotated[int, msgspec.Meta(ge=0, le=50)] | None = None
    maximum_age_days: Days | None = None
    minimum_age_days: Days | None = None
    warn_days: Days | None = None
    grace_days: Days | None = None
    words: tuple[str, ...] = ()
    breached: bool | None = None
    breached_files: tuple[str, ...] = ()
    breached_range_service: str | None = None
    overlap_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 30
    silent_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 7


class AccountConfig(Section, frozen=True, kw_only=True):
    """`[account."ann@example.test"]`: what the file says about an account goes before what the store says.

    `allow_from`: the only networks it may log in from. `senders`: further addresses it may send from.
    """

    allow_from: tuple[str, ...] | None = None
    senders: tuple[str, ...] | None = None
    second_factor: bool | None = None
    disabled: bool | None = None


class DoorsConfig(Section, frozen=True, kw_only=True):
    """Where other servers ask: "unix:/path" or "127.0.0.1:port"; absent is closed.

    `dovecot_auth`: Dovecot's authentication protocol, for Postfix and Exim. `dovecot_policy`: Dovecot's auth-policy
    over HTTP. `postfix_policy`, `socketmap`: Postfix's. `http_api`: ours. `token_file`: the secret that the two HTTP
    doors ask for. `socket_mode`, `socket_group`: of every Unix socket.
    """

    dovecot_auth: str | None = None
    postfix_policy: str | None = None
    socketmap: str | None = None
    dovecot_policy: str | None = None
    http_api: str | None = None
    token_file: str | None = None
    socket_mode: str = "0660"
    socket_group: str | None = None


class Oauth2Config(Section, frozen=True, kw_only=True):
    """`[oauth2]`: bearer tokens (OAUTHBEARER, XOAUTH2) of this issuer for this audience log in.

    `scope`: all that must be in a token, separated by spaces. `account_claim`: which claim names the account. `jwks`:
    the issuer's keys, by default where its discovery document says. `introspection`: ask about every token there
    instead, as `client_id` with the secret in `client_secret_file`. `ca`: PEM file of a private CA.
    """

    issuer: str
    audience: str
    scope: str = ""
    account_claim: str = "email"
    jwks: str = ""
    introspection: str = ""
    client_id: str = ""
    client_secret_file: str | None = None
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256", "EdDSA")
    leeway: Annotated[float, msgspec.Meta(ge=0, le=300)] = 30.0
    timeout: Annotated[float, msgspec.Meta(ge=1, le=10)] = 5.0
    ca: str | None = None
    insecure_http: bool = False


class ClientCertificatesConfig(Section, frozen=True, kw_only=True):
    """`[client_certificates]`: a certificate of `ca` logs in (EXTERNAL). `accounts`: the SHA-256 of a public key, in
    hex, and its account. `email_names`: else the mail address in the certificate names the account.
    """

    ca: str
    accounts: dict[str, str] = msgspec.field(default_factory=dict)
    email_names: bool = True


class AccountSourceConfig(Section, frozen=True, kw_only=True):
    """`[[account_source]]`: where else accounts are, asked in this order for names that the store does not know.

    Which keys a `kind` has is in the reference.
    """

    kind: Literal["passwd-file", "sqlite", "postgresql", "ldap", "pam", "http"]
    name: str | None = None
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=60)] | None = None
    connections: Annotated[int, msgspec.Meta(ge=1, le=256)] | None = None
    waiting: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | None = None
    failures: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    pause: Annotated[float, msgspec.Meta(ge=0.1, le=3600)] | None = None
    path: str | None = None
    query: str | None = None
    host: str | None = None
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] | None = None
    database: str | None = None
    user: str | None = None
    password_file: str | None = None
    token_file: str | None = None
    url: str | None = None
    ca: str | None = None
    insecure_plaintext: bool | None = None
    bind_dn: str | None = None
    base: str | None = None
    filter: str | None = None
    dn: str | None = None
    senders_attribute: str | None = None
    allow_from_attribute: str | None = None
    disabled_attribute: str | None = None
    service: str | None = None
    domain: str | None = None
    confdir: str | None = None
