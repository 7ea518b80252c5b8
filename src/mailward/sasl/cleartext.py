"""What PLAIN and LOGIN share: a password that is shown, checked at both ends before anyone believes it."""

from __future__ import annotations

from mailward.errors import InputError, SaslError
from mailward.sasl.mechanism import Credentials, PasswordClaim
from mailward.sasl.saslprep import prepare_name, prepare_password
from mailward.secret import Secret


def spoken(credentials: Credentials) -> tuple[bytes, bytes, bytes]:
    """authzid, authcid and password as they go on the wire: unprepared, for that is the server's part (RFC 4616 §2)."""
    for name in filter(None, (credentials.authzid, credentials.authcid)):
        prepare_name(name)
    password = credentials.password.reveal()
    if not credentials.authcid or not password:
        raise InputError("a user name and a password are needed to log in", phase="auth")
    if "\0" in password or any("\ud800" <= character <= "\udfff" for character in password):
        raise InputError("the password holds a character that cannot be sent", phase="auth")
    return credentials.authzid.encode(), credentials.authcid.encode(), password.encode()


def claim(mechanism: str, *, authzid: bytes, authcid: bytes, password: bytes) -> PasswordClaim:
    """What the client claims, in the one spelling of each name and of the password."""
    try:
        return PasswordClaim(
            authcid=prepare_name(authcid.decode()),
            authzid=prepare_name(authzid.decode(), what="authorization identity") if authzid else "",
            password=Secret(prepare_password(password.decode())),
        )
    except UnicodeDecodeError:
        problem = " is not UTF-8"
    except InputError as error:
        problem = f": {error.message}"
    raise SaslError(f"{mechanism} response{problem}", phase="auth")  # a new one: those before hold the password
