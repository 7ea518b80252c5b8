"""What the sections about logins may not mean: each fault with its line, its key, and what to write instead."""

from __future__ import annotations

import pytest

from mailward.server import config

HEAD = 'hostname = "mail.example.test"\nstate = "state"\n[[listener]]\naddress = "127.0.0.1:5465"\ntls = "implicit"\n'
OAUTH2 = '[oauth2]\nissuer = "https://id.example.test"\naudience = "mailward"\n'
CERTIFICATES = '[client_certificates]\nca = "clients.pem"\n'
SOURCE = "[[account_source]]\n"
ANN = '[account."ann@example.test"]\n'


def faults(text: str) -> list[str]:
    """With the line counted from the section's own first."""
    errors = config.check(HEAD + text, "mailward.toml", files=False)
    assert all(error.file == "mailward.toml" for error in errors)
    above = HEAD.count("\n")
    return [f"{(error.line or 0) - above}: {error.message.partition(': ')[2]}" for error in errors]


@pytest.mark.parametrize(
    "text, told",
    [
        (
            '[passwords]\nprofile = "nits"',
            "2: passwords.profile: 'nits' is not one of 'nist', 'pci', 'legacy'; did you",
        ),
        ("[passwords]\nminimun_length = 9", "2: passwords.minimun_length: unknown key; did you mean `minimum_length`?"),
        ("[passwords]\nminimum_length = 0", "2: passwords.minimum_length: expected a whole number >= 1, here 0"),
        ("[passwords]\nmaximum_length = 10", "2: passwords.maximum_length: is 10; give a whole number from 64 to 256"),
        ("[passwords]\nhistory = 'x'", "2: passwords.history: expected a whole number, here 'x'"),
        ("[passwords]\nminimum_score = 5", "2: passwords.minimum_score: expected a whole number <= 4, here 5"),
        (
            "[passwords]\nmaximum_age_days = 5\nminimum_age_days = 9",
            "3: passwords.minimum_age_days: is not below maximum_age_days; give below 5",
        ),
        (
            '[passwords]\nbreached_range_service = "http://x.test"',
            "2: passwords.breached_range_service: is 'http://x.test'; give an https:// URL",
        ),
        ('[passwords]\nbreached_files = ["a", "~/b"]', "2: passwords.breached_files[1]: “~” is not expanded here"),
        ('[passwords]\nbreached_files = ["a\\u0000"]', "2: passwords.breached_files[0]: is not a path"),
    ],
)
def test_passwords(text: str, told: str) -> None:
    """Rules that do not exist, cannot be kept, or contradict each other."""
    (fault,) = faults(text)
    assert fault.startswith(told)


@pytest.mark.parametrize(
    "text, told",
    [
        (ANN + "allow_form = []", "2: account.ann@example.test.allow_form: unknown key; did you mean `allow_from`?"),
        (
            ANN + 'allow_from = ["10.0.0.1/8"]',
            "2: account.ann@example.test.allow_from: '10.0.0.1/8' is not a network: it has bits set after the prefix",
        ),
        (ANN + 'allow_from = ["file:x"]', "2: account.ann@example.test.allow_from: 'file:x' is not a network"),
        (ANN + 'disabled = true\nsenders = ["x"]', "3: account.ann@example.test.senders: 'x' is not a mailbox"),
        ('[account."a b"]\ndisabled = true', "1: account.a b: the account name 'a b' has a space in it"),
        (ANN + '[account."ANN@example.test"]', "2: account.ANN@example.test: is the same account as"),
        ('[account]\nallow_from = ["10.0.0.0/8"]', "2: account.allow_from: expected a table"),
        ("account = 3", "account"),
    ],
)
def test_accounts(text: str, told: str) -> None:
    """What the file says about an account is about one, and each part of it can be."""
    (fault,) = faults(text)
    assert told in fault


def test_one_bad_account_hides_no_other() -> None:
    """A table that cannot be read leaves the others to be looked at."""
    text = ANN + 'nonsense = 1\n[account."bob@example.test"]\nsenders = ["x"]'

    assert [fault.partition(": ")[2].partition(":")[0] for fault in faults(text)] == [
        "account.ann@example.test.nonsense",
        "account.bob@example.test.senders",
    ]


@pytest.mark.parametrize(
    "text, told",
    [
        ('dovecot_auth = "0.0.0.0:7000"', '2: doors.dovecot_auth: is neither "unix:/path" nor a loopback address'),
        ('socketmap = "unix:relative"', '2: doors.socketmap: is neither "unix:/path"'),
        ('postfix_policy = "127.0.0.1:99999"', "2: doors.postfix_policy: is '127.0.0.1:99999'; write"),
        ('dovecot_auth = "unix:/a\\u0000b"', "2: doors.dovecot_auth:"),
        ('http_api = "127.0.0.1:7004"', "2: doors.http_api: needs a secret: name a file (mode 0600)"),
        ('dovecot_policy = "[::1]:7004"', "2: doors.dovecot_policy: needs a secret"),
        ('socket_mode = "0666"', "2: doors.socket_mode: lets everybody on this machine in"),
        ('socket_mode = "660"', '2: doors.socket_mode: is not a mode such as "0660"'),
        ('socket_mode = "rw-rw----"', '2: doors.socket_mode: is not a mode such as "0660"'),
        ('dovecot_auth = "unix:/x"\nsocketmap = "unix:/x"', "2: doors.dovecot_auth: unix:/x is the address of two"),
        ('socketmaps = "unix:/x"', "2: doors.socketmaps: unknown key; did you mean `socketmap`?"),
        ('token_file = ""', "2: doors.token_file: is not a path"),
    ],
)
def test_doors(text: str, told: str) -> None:
    """A door is on this machine, at an address of its own, and asks for a secret where HTTP comes in."""
    (fault,) = faults("[doors]\n" + text)
    assert fault.startswith(told)


@pytest.mark.parametrize(
    "text, told",
    [
        (OAUTH2 + 'audiences = "x"', "4: oauth2.audiences: unknown key; did you mean `audience`?"),
        ('[oauth2]\naudience = "x"', "1: oauth2.issuer: is missing"),
        (OAUTH2.replace("https", "http"), "2: oauth2.issuer: it is not https; insecure_http = true allows http"),
        (OAUTH2 + 'insecure_http = true\njwks = "http://192.0.2.1/"', "5: oauth2.jwks: it is not https"),
        (OAUTH2.replace('"mailward"', '""'), "3: oauth2.audience: it is empty"),
        (OAUTH2 + 'introspection = "https://id.example.test/i"', "1: oauth2.client_id: introspection needs client_id"),
        (OAUTH2 + 'algorithms = ["none"]', "4: oauth2.algorithms: none: only ES256"),
        (OAUTH2 + 'algorithms = ["HS256"]', "4: oauth2.algorithms: HS256: only ES256"),
        (OAUTH2 + "algorithms = []", "4: oauth2.algorithms: nothing: only ES256"),
        (OAUTH2 + "leeway = 301", "4: oauth2.leeway: expected a number <= 300.0, here 301"),
        (OAUTH2 + "timeout = 0", "4: oauth2.timeout: expected a number >= 1.0, here 0"),
        (OAUTH2 + 'ca = ""', "4: oauth2.ca: is not a path"),
    ],
)
def test_oauth2(text: str, told: str) -> None:
    """An identity provider that nobody could trust, or ask."""
    (fault,) = faults(text)
    assert fault.startswith(told)


@pytest.mark.parametrize(
    "text, told",
    [
        ("[client_certificates]", "1: client_certificates.ca: is missing"),
        ('[client_certificates]\nca = ""', "2: client_certificates.ca: is not a path"),
        (CERTIFICATES + "email_name = true", "3: client_certificates.email_name: unknown key; did you mean"),
        (CERTIFICATES + 'accounts = { "zz" = "a" }', "3: client_certificates.accounts.zz: 'zz' is not the SHA-256"),
        (
            CERTIFICATES + f'[client_certificates.accounts]\n"{"0" * 64}" = "a b"',
            f"4: client_certificates.accounts.{'0' * 64}: the account name 'a b' has a space in it",
        ),
    ],
)
def test_client_certificates(text: str, told: str) -> None:
    """Authorities that are not named, keys and accounts that are none."""
    (fault,) = faults(text)
    assert fault.startswith(told)


@pytest.mark.parametrize(
    "text, told",
    [
        (SOURCE + 'kind = "ldpa"', "2: account_source[0].kind: 'ldpa' is not one of"),
        (SOURCE + 'path = "x"', "1: account_source[0].kind: is missing"),
        (SOURCE + 'kind = "ldap"', "2: account_source[0].kind: the kind ldap needs url"),
        (
            SOURCE + 'kind = "passwd-file"\npath = "x"\nquery = "x"',
            "4: account_source[0].query: query is no key of the kind passwd-file; it has name,",
        ),
        (
            SOURCE + 'kind = "http"\nurl = "https://x.test/"\ntimeout = 0',
            "4: account_source[0].timeout: expected a number >= 0.1",
        ),
        (SOURCE + 'kind = "passwd-file"\npaht = "x"', "3: account_source[0].paht: unknown key; did you mean `path`?"),
        (SOURCE + 'kind = "passwd-file"\npath = "~/x"', "3: account_source[0].path: “~” is not expanded here"),
        ('[account_source]\nkind = "pam"', "1: account_source: expected tables, each under [[account_source]]"),
        (
            (SOURCE + 'kind = "pam"\n') * 2,
            "4: account_source[1].kind: another account source is called 'pam'; give each a name of its own",
        ),
        (
            SOURCE + 'kind = "pam"\nname = "a"\n' + SOURCE + 'kind = "pam"\nname = "a"',
            "6: account_source[1].name: another account source is called 'a'",
        ),
    ],
)
def test_account_sources(text: str, told: str) -> None:
    """Kinds that do not exist, and keys that their kind does not have, or needs."""
    (fault,) = faults(text)
    assert fault.startswith(told)


@pytest.mark.parametrize(
    "text, told",
    [
        ('allow = ["::/0", "country:DE"]', "4: listener[1].allow[1]: needs a database"),
        ("allow = []", "4: listener[1].allow: is empty: nobody could log in here"),
        ('alow = ["::/0"]', "4: listener[1].alow: unknown key; did you mean `allow`?"),
        ('proxy = ["0.0.0.0/0"]', "4: listener[1].proxy[0]: 0.0.0.0/0 is everyone"),
        ('block = ["file:a\\u0000"]', "4: listener[1].block[0]: is not a path"),
    ],
)
def test_listeners_lists(text: str, told: str) -> None:
    """A listener's own lists, at its own lines."""
    (fault,) = faults('[[listener]]\naddress = "127.0.0.1:5466"\ntls = "implicit"\n' + text)
    assert fault.startswith(told)


def test_a_listeners_places_are_fine_with_a_database() -> None:
    """Then a country is as good as a network."""
    second = '[[listener]]\naddress = "127.0.0.1:5466"\ntls = "implicit"\nallow = ["country:DE"]\n'

    assert faults(second + '[allowlist]\ngeo_database = "places.mmdb"') == []
