from __future__ import annotations

import pytest

from mailward.client.facade_sync import Client
from mailward.client.transports.folder import Maildir, PickupFolder
from mailward.client.transports.memory import MemoryTransport
from mailward.client.transports.place import transport
from mailward.client.transports.sendmail import Sendmail
from mailward.errors import InvalidUrl


@pytest.mark.parametrize(
    ("url", "kind", "name"),
    [
        ("sendmail:", Sendmail, "/usr/sbin/sendmail"),
        ("sendmail:/opt/bin/msmtp", Sendmail, "/opt/bin/msmtp"),
        ("maildir:/var/mail/ann", Maildir, "maildir:/var/mail/ann"),
        ("PICKUP:/srv/out", PickupFolder, "pickup:/srv/out"),
        ("memory:", MemoryTransport, "memory:"),
    ],
)
def test_what_a_url_says(url: str, kind: type, name: str) -> None:
    """Each scheme gives its transport."""
    made = transport(url)

    assert type(made) is kind
    assert isinstance(made, Sendmail | Maildir | PickupFolder | MemoryTransport)
    assert made.name == name


def test_a_server() -> None:
    """smtp and a bare host name give a Client with its options."""
    with_options = transport("smtps://smtp.example.org", timeout=5)

    assert isinstance(with_options, Client)
    assert isinstance(transport("smtp.example.org"), Client)


@pytest.mark.parametrize("url", ["maildir:", "maildir:relative", "pickup://host/path", "memory:/x", "maildir:/a\0b"])
def test_what_makes_no_sense(url: str) -> None:
    """No path where there must be one, or one where there must be none."""
    with pytest.raises(InvalidUrl):
        transport(url)


def test_options_of_a_client() -> None:
    """They are none of a folder's."""
    with pytest.raises(TypeError, match="timeout"):
        transport("maildir:/x", timeout=5)
