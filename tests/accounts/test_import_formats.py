"""The formats that can be imported."""

from __future__ import annotations

import click

from mailward.accounts import import_formats
from mailward.cli.user_import import command


def test_the_command_offers_each() -> None:
    """A file in `imports/` is a choice of --format."""
    (option,) = (each for each in command.params if each.name == "form")

    assert isinstance(option.type, click.Choice)
    assert list(import_formats.known()) == list(option.type.choices)
    assert all(form.what for form in import_formats.known().values())
