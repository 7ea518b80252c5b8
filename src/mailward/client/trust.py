"""Whose certificates are believed: always verified, TLS 1.2 or later, the name checked (RFC 8314, RFC 9525, RFC 7858).

| what is given | whom the client believes to be the server |
|---|---|
| nothing, or `ca=` | who shows a certificate for the host's name, valid today, by one of these authorities |
| `pin=` alone | who has the private key of a pin; names, dates and authorities add nothing, and are not looked at |
| `ca=` and `pin=` | who satisfies both; `ca="system"` names the system's authorities |
| `TLS(context=…)` | whom that context lets through, and the pin if there is one |

A pin is of the server's own key, not of an authority's (SPKI, RFC 7858 §4.2). Several may be given, as for a key to
come. All of it belongs to one client; nothing holds for the process.
"""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

from mailward.client.authorities import Ca, empty_context, trusting
from mailward.client.certificate import is_for, other_key, other_names, pin_of, pins_of
from mailward.client.client_certificate import ClientCertificate
from mailward.client.tls_mode import TLS, TlsMode
from mailward.errors import InputError
from mailward.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailward.client.client_certificate import Cert, Stamp

__all__ = ["Ca", "Trust"]

_SYSTEM = "system"
_NOTHING_SAID = TLS()


class Trust:
    """Whom one client believes. `ca`: a file, a directory of files or the octets (PEM or DER); None the system's.

    With `ca` nothing else is trusted. What it holds may also be the server's own certificate.
    """

    def __init__(self, ca: Ca | None = None, *, pins: Sequence[str] = (), tls: TLS = _NOTHING_SAID) -> None:
        self.pins = tuple(pins)
        self.names = (tls.names,) if isinstance(tls.names, str) else tuple(tls.names)
        self.requiretls = tls.requiretls
        self._tls = tls
        self._cert = ClientCertificate.of(tls.cert)
        self._key_is_enough = bool(self.pins) and ca is None and tls.context is None
        self._ca = None if ca == _SYSTEM else ca
        self._stamp: Stamp | None = None
        self._context: ssl.SSLContext | None = None
        self.verified_by = self._whose()
        self._check_options()
        if self._ca is not None or tls.context is not None:
            self._context = self._made()

    @classmethod
    def of(
        cls,
        tls: str | TlsMode | TLS = "auto",
        ca: Ca | None = None,
        pin: str | Sequence[str] | None = None,
        cert: Cert | None = None,
    ) -> Trust:
        """From a client's options; what `tls=TLS(…)` says too is said in one place. Raises InputError."""
        said = tls if isinstance(tls, TLS) else _NOTHING_SAID
        for name, value in (("ca", ca), ("pin", pin), ("cert", cert)):
            if value is not None and getattr(said, name):
                raise InputError(f"{name}= and tls=TLS({name}=…)", phase="options", advice="say it in one place")
        if cert is not None:
            said = replace(said, cert=ClientCertificate.of(cert))
        return cls(said.ca if ca is None else ca, pins=pins_of(said.pin if pin is None else pin), tls=said)

    @property
    def context(self) -> ssl.SSLContext:
        """For the next connection; made anew when the client's certificate was renewed."""
        stamp = self._cert.stamp() if self._cert else None
        if self._context is None or (stamp is not None and stamp != self._stamp):
            self._context = self._remade()  # reading the system's takes tens of milliseconds
        return self._context

    @property
    def newest(self) -> str:
        """The latest version that we ourselves speak."""
        most = self.context.maximum_version
        return "TLSv1.3" if most in (ssl.TLSVersion.MAXIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_3) else "TLSv1.2"

    def server_name(self, host: str) -> str:
        """What is asked for in the handshake, and by whose name OpenSSL checks the certificate."""
        return self.names[0] if self.names else host

    def check(self, certificate: bytes, host: str) -> None:
        """What OpenSSL has not: the pin, and several names. Raises CertificateError, worded to be shown."""
        if self.pins and (found := _pin_in(certificate)) not in self.pins:
            raise other_key(host, found=found, expected=self.pins)
        if len(self.names) > 1 and not self._key_is_enough and not is_for(certificate, self.names):
            raise other_names(host, certificate, expected=self.names)

    def for_a_look(self) -> ssl.SSLContext:
        """Without any check: only to read a certificate that was refused, and to say nothing inside."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def _whose(self) -> str:
        if self._key_is_enough:
            return "pin"
        whose = "context=" if self._tls.context is not None else "system CAs" if self._ca is None else "ca="
        return f"{whose} and pin" if self.pins else whose

    def _check_options(self) -> None:
        _check_names(self.names)
        if self._tls.context is not None:
            _check_verifies(self._tls.context, names=self.names)
        elif self._cert is not None or self._tls.ciphers is not None:
            self._with_options(empty_context())  # our own mistakes are told before anything is opened

    def _remade(self) -> ssl.SSLContext:
        try:
            return self._made()
        except InputError:
            if self._context is None:
                raise
            return self._context  # half of the pair is replaced: the old one serves until the other half is

    def _made(self) -> ssl.SSLContext:
        if self._tls.context is not None:
            return self._tls.context
        stamp = self._cert.stamp() if self._cert else None
        if self._key_is_enough:
            context = self.for_a_look()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
        else:
            context = trusting(self._ca)
            context.check_hostname = len(self.names) < 2
        self._with_options(context)
        self._stamp = stamp
        return context

    def _with_options(self, context: ssl.SSLContext) -> None:
        if self._tls.min_version == "1.3":
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        if self._tls.ciphers is not None:
            _set_ciphers(context, self._tls.ciphers)
        if self._cert is not None:
            self._cert.load_into(context)


def _pin_in(certificate: bytes) -> str:
    try:
        return pin_of(certificate)
    except ValueError:
        return "none"  # no certificate was shown, or none that can be read


def _check_names(names: tuple[object, ...]) -> None:
    for name in names:
        if not isinstance(name, str) or not name.isascii() or not name.isprintable() or name.split() != [name]:
            raise InputError(
                f"names={printable(str(name), 100)!r} is no host name or address",
                phase="options",
                advice="write an international name as its A-labels (xn--…)",
            )


def _check_verifies(context: object, *, names: tuple[str, ...]) -> None:
    advice = "make it with ssl.create_default_context(); to trust one server's own certificate, give ca= or pin="
    if not isinstance(context, ssl.SSLContext):
        raise InputError("context= is no ssl.SSLContext", phase="options", advice=advice)
    if context.verify_mode is not ssl.CERT_REQUIRED:
        raise InputError("context= verifies no certificate", phase="options", advice=advice)
    if not context.check_hostname:
        raise InputError("context= does not check the server's name", phase="options", advice=advice)
    if context.minimum_version not in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        raise InputError(
            "context= allows versions before TLS 1.2",
            phase="options",
            advice="set its minimum_version to ssl.TLSVersion.TLSv1_2",
        )
    if len(names) > 1:
        raise InputError("names= may hold one name where context= is given", phase="options", advice="give no context")


def _set_ciphers(context: ssl.SSLContext, ciphers: str) -> None:
    if "@" in ciphers:
        raise InputError("ciphers= may not change the security level or the order with @", phase="options")
    try:
        context.set_ciphers(ciphers)
    except ssl.SSLError as error:
        raise InputError(f"ciphers= {printable(ciphers, 100)!r}: no such cipher is known", phase="options") from error
    for cipher in context.get_ciphers():
        if cipher["auth"] == "auth-null" or not cipher["strength_bits"]:
            raise InputError(
                f"ciphers= lets {cipher['name']} through, which does not authenticate or encrypt",
                phase="options",
                advice="add :!aNULL:!eNULL",
            )
