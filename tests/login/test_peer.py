"""Who knocks."""

from __future__ import annotations

import ipaddress

import pytest

from mailward.login.peer import Peer

HOME = ipaddress.ip_address("192.0.2.7")


def test_it_is_a_value_that_shows_no_certificate() -> None:
    """A login over SMTP unless somebody says otherwise; a certificate has names in it that no log needs."""
    peer = Peer(source=HOME, listener="127.0.0.1:465", session="s", certificate=b"SECRETIVE")

    assert (peer.service, peer.tls, peer.bindings) == ("smtp", None, ())
    assert "SECRETIVE" not in repr(peer)
    with pytest.raises(AttributeError):
        peer.service = "imap"  # type: ignore[misc]
