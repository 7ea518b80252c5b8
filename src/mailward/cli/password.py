"""`mailward password`: whether a password is good, and one that is."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from mailward.accounts.rules import PasswordRules, Profile, rules_of
from mailward.cli import exit_codes, installation, output, passwords
from mailward.cli.installation import config_option

if TYPE_CHECKING:
    from mailward.accounts.passphrase import Generated

_WORDS, _CHARACTERS = 6, 24

account_option = click.option("--account", default="", metavar="NAME", help="Whose it shall be.")
profile_option = click.option(
    "--profile",
    type=click.Choice(get_args(Profile)),
    help="Rules to go by instead of those in the configuration.",
)
second_factor_option = click.option(
    "--second-factor", is_flag=True, help="The account has another factor besides its password."
)


@click.group("password", short_help="Check a password, or make one.")
def command() -> None:
    """Check a password against the rules, or make one that keeps them.

    The rules are those of [passwords] in the mailward.toml, by default NIST SP 800-63B-4: long, not known from a
    breach, not easy to guess. Nothing is stored.
    """


@command.command("check")
@account_option
@config_option
@profile_option
@second_factor_option
@output.json_option
def check(
    *, account: str, config_file: Path | None, profile: Profile | None, second_factor: bool, as_json: bool
) -> int:
    """Read a password from the first line of standard input, or ask for it, and tell every reason against it.

    Exit code 0 when it is good, 1 when it is refused. With a configuration, the range service it names is asked too.
    """
    from mailward.accounts import policy  # noqa: PLC0415  # loads what only some commands need

    rules, hostname = _rules(config_file, profile)
    secret = passwords.from_terminal("Password") or passwords.from_stdin()
    with installation.located(config_file):
        judged = policy.judge(secret.reveal(), rules, account=account, hostname=hostname, second_factor=second_factor)
    code = exit_codes.OK if judged.good else exit_codes.REFUSED
    if as_json:
        told = {"reasons": list(judged.reasons), "warnings": list(judged.warnings), "score": judged.score}
        output.say_json({"good": judged.good, **told, "profile": rules.profile})
        return code
    output.say("✔ it is good" if judged.good else "✘ it is refused:", style="green" if judged.good else "red")
    for reason in judged.reasons:
        output.say(f"  - {reason}")
    for warning in judged.warnings:
        output.say(f"  ! {warning}", style="yellow")
    return code


@command.command("generate")
@click.option("--words", type=int, metavar="N", help=f"A passphrase of N words, by default {_WORDS}.")
@click.option("--characters", type=int, metavar="N", help="N letters, digits and signs instead, for a program.")
@click.option("--count", type=click.IntRange(1, 100), default=1, show_default=True, help="How many.")
@account_option
@config_option
@profile_option
@second_factor_option
@output.json_option
def generate(
    *,
    words: int | None,
    characters: int | None,
    count: int,
    account: str,
    config_file: Path | None,
    profile: Profile | None,
    second_factor: bool,
    as_json: bool,
) -> None:
    """Make passwords that the rules take. The entropy is what a guesser who knows how they are made is up against."""
    from mailward.accounts import policy  # noqa: PLC0415

    if words is not None and characters is not None:
        raise click.UsageError("--words and --characters exclude each other")
    rules, hostname = _rules(config_file, profile)
    make: Callable[..., Generated] = policy.passphrase if characters is None else policy.characters
    size = characters or words or (_WORDS if characters is None else _CHARACTERS)
    made = [
        make(size, rules=rules, account=account, hostname=hostname, second_factor=second_factor) for _ in range(count)
    ]
    entropy = math.floor(made[0].entropy * 10) / 10
    if as_json:
        output.say_json([{"password": each.password, "entropy": entropy} for each in made])
        return
    for each in made:
        click.echo(each.password)
    click.echo(f"{entropy} bits of entropy{'' if count == 1 else ' each'}", err=True)


def _rules(config_file: Path | None, profile: Profile | None) -> tuple[PasswordRules, str]:
    """And the server's name, where a configuration tells it."""
    config = installation.load(config_file)
    if profile is not None:
        return PasswordRules.of(profile), config.hostname if config_file is not None else ""
    return rules_of(getattr(config, "passwords", None)), config.hostname if config_file is not None else ""
