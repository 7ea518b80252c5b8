"""TLS to a source: its certificate is verified, always, against the system's authorities or a private one."""

from __future__ import annotations

import ssl

from mailward.accounts.sources.source import needed


def trusting(kind: str, ca: str) -> ssl.SSLContext:
    """InvalidConfig: `ca`, a PEM file, holds no certificate that can be read."""
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except OSError as error:
        raise needed(kind, "ca", f"{ca}: {error.strerror or 'no certificate in it'}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
