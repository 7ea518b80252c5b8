"""The values a configuration consists of."""

from __future__ import annotations

import msgspec
import pytest

from mailward.guard.settings import GuardSettings
from mailward.server.config_section import Section
from mailward.server.config_sections import Config, GuardConfig, LimitsConfig, ListenerConfig


@pytest.mark.parametrize(
    "address, host, port, loopback",
    [
        ("127.0.0.1:5465", "127.0.0.1", 5465, True),
        ("[::1]:465", "::1", 465, True),
        ("localhost:25", "127.0.0.1", 25, True),
        ("192.0.2.1:587", "192.0.2.1", 587, False),
        ("[2001:db8::25]:0", "2001:db8::25", 0, False),
    ],
)
def test_listener_address(address: str, host: str, port: int, loopback: bool) -> None:
    """An address is an IP and a port, IPv6 in brackets."""
    listener = ListenerConfig(address=address, tls="implicit")

    assert (listener.host, listener.port, listener.loopback) == (host, port, loopback)


def test_sections_are_values() -> None:
    """A section cannot be changed after it was read."""
    with pytest.raises(AttributeError):
        LimitsConfig().recipients = 3  # type: ignore[misc]


def test_the_guard_is_configured_as_it_is_built() -> None:
    """The keys and defaults of `[guard]` are those of the guard, and each bound is one that it takes."""
    section = GuardConfig()
    settings = GuardSettings(**{name: getattr(section, name) for name in section.__struct_fields__})

    assert settings == GuardSettings()


def test_every_section_is_documented() -> None:
    """Each section's docstring is its reference."""
    sections = [field.type for field in msgspec.structs.fields(Config)]

    assert all(kind.__doc__ for kind in sections if isinstance(kind, type) and issubclass(kind, Section))
