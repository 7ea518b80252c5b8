"""What a new password must be (NIST SP 800-63B-4 §3.1.1.2: long and not guessable; no rules of composition)."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailward.accounts.breached import BreachedSet, breached_of
from mailward.accounts.passphrase import Generated
from mailward.accounts.passphrase import characters as characters_by_chance
from mailward.accounts.passphrase import passphrase as words_by_chance
from mailward.accounts.patterns import classes, patterns
from mailward.accounts.rules import MOST_CHARACTERS, NIST, PasswordRules
from mailward.accounts.stems import folded, letters, unmasked
from mailward.accounts.words import WORDS
from mailward.errors import InputError
from mailward.printable import printable
from mailward.sasl.saslprep import prepare_password

MAX_OCTETS = 1024  # what SASL carries here
_LOOKED_AT = 4 * MAX_OCTETS  # characters; with more, the length is reason enough, and normalising could take minutes
_SCORED = 72  # zxcvbn's time grows faster than the length; more characters can only make a password better
_GUESSES = 10**8  # are a score of 3. zxcvbn wants five more, which eight random characters miss by four
_SHORTEST_WORD = 4  # a password may well hold "ann"
_SHORTEST_PART = 5  # of a name: sales.team@ may write "team", ann.miller@ may not write "miller"
_PARTS = re.compile(r"[\W\d_]+")
_SHORTEST_APART = 6  # nor is "his hopes" one to shop.example
_SHORTEST_BACKWARDS = 5  # and "room" is no allusion to moor.example
_SIGNS = "23456789abcdefghjkmnpqrstuvwxyz"  # none is mistaken for another: no 0 and o, no 1, l and i
_ADVICE = "four random words make a good password; mailward password generate makes one"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """reasons: every one not to take the password; empty when it is good. warnings: what could not be looked up.

    score: zxcvbn's, 0 (guessed at once) to 4.
    """

    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    score: int

    @property
    def good(self) -> bool:
        return not self.reasons


def check(
    password: str,
    rules: PasswordRules = NIST,
    *,
    account: str,
    hostname: str = "",
    words: Iterable[str] = (),
    second_factor: bool = False,
    breached: BreachedSet | None = None,
) -> tuple[str, ...]:
    """The reasons of `judge`."""
    return judge(
        password,
        rules,
        account=account,
        hostname=hostname,
        words=words,
        second_factor=second_factor,
        breached=breached,
    ).reasons


def judge(
    password: str,
    rules: PasswordRules = NIST,
    *,
    account: str,
    hostname: str = "",
    words: Iterable[str] = (),
    second_factor: bool = False,
    breached: BreachedSet | None = None,
) -> Judgement:
    """Every reason not to take `password` for `account`, in plain words, with what would help.

    hostname: this server's. words: what else nobody may build a password on, besides those in the rules.
    second_factor: something else is asked for at each login. breached: by default what the rules name.
    What may not come again is the account's to know: `reason_for_history`.
    """
    text = unicodedata.normalize("NFC", password[:_LOOKED_AT])
    length = len(text) if len(password) <= _LOOKED_AT else len(password)
    context = tuple(dict.fromkeys(_context(account, hostname, (*rules.words, *words))))
    start = text[:MOST_CHARACTERS]
    score, advice = _score(start, context)
    found = (breached_of(rules) if breached is None else breached).find(start)
    reasons = (
        *_size(text, length, rules, least=rules.least(second_factor=second_factor)),
        *_characters(text, length),
        *_composition(start, rules),
        *patterns(start),
        *_contained(start, context),
        *_breached(start, exact=found.exact, stem=found.stem),
        *_guessable(start, score, advice, rules),
    )
    return Judgement(reasons=reasons, warnings=found.warnings, score=score)


def reason_for_history(passwords: int) -> str:
    """What to say of one of the account's last `passwords` passwords."""
    last = "the password" if passwords == 1 else f"one of the last {passwords} passwords"
    return f"it is {last} of this account; choose one that was never used here ({_ADVICE})"


def generate(*, account: str = "", hostname: str = "", words: Iterable[str] = (), rules: PasswordRules = NIST) -> str:
    """A password such as kite-9f3m-amber-72qd-otter, of 64 random bits; one that `check` takes for `account`."""
    avoid = tuple(words)
    while True:
        made = _grouped(rules)
        if not check(made, rules, account=account, hostname=hostname, words=avoid):
            return made


def passphrase(
    words: int = 6, *, rules: PasswordRules = NIST, account: str = "", hostname: str = "", second_factor: bool = False
) -> Generated:
    """So many random words that `check` takes for `account`. InputError: the rules take no such passphrase."""

    def good(made: str) -> bool:
        return not check(made, rules, account=account, hostname=hostname, second_factor=second_factor)

    return words_by_chance(words, good=good, dressed=rules.letters_and_digits or rules.character_classes > 2)


def characters(
    count: int = 24, *, rules: PasswordRules = NIST, account: str = "", hostname: str = "", second_factor: bool = False
) -> Generated:
    """So many random characters that `check` takes for `account`. InputError: the rules take none so short."""

    def good(made: str) -> bool:
        return not check(made, rules, account=account, hostname=hostname, second_factor=second_factor)

    return characters_by_chance(count, good=good)


def _grouped(rules: PasswordRules) -> str:
    parts = [secrets.choice(WORDS)]
    while len(parts) < 5 or len("-".join(parts)) < rules.minimum_length:
        parts += (_group(), secrets.choice(WORDS))
    if rules.character_classes > 3:
        parts[0] = parts[0].capitalize()
    return "-".join(parts)[: rules.maximum_length]


def _group() -> str:
    return "".join(secrets.choice(_SIGNS) for _ in range(4))


def _size(text: str, length: int, rules: PasswordRules, *, least: int) -> Iterator[str]:
    if length < least:
        yield f"it has {_counted(length)}; {least} is the least ({_ADVICE})"
    if length > rules.maximum_length:
        yield f"it has {_counted(length)}; {rules.maximum_length} is the most"
    octets = len(text.encode("utf-8", "surrogatepass"))
    if octets > MAX_OCTETS and length <= _LOOKED_AT:
        yield f"it has {octets} octets in UTF-8; {MAX_OCTETS} is the most"


def _counted(characters: int) -> str:
    return "1 character" if characters == 1 else f"{characters} characters"


def _characters(text: str, length: int) -> Iterator[str]:
    """What SASLprep forbids would be kept and never match."""
    if any(unicodedata.category(character) == "Cc" for character in text):
        yield "it holds a control character (a tab or a line break, perhaps from copying); leave it out"
    elif text and length <= MOST_CHARACTERS:
        try:
            prepare_password(text)
        except InputError as error:
            yield f"mail programs cannot use it: {error.message}; leave it out"


def _composition(text: str, rules: PasswordRules) -> Iterator[str]:
    if rules.letters_and_digits and not (any(map(str.isalpha, text)) and any(map(str.isdigit, text))):
        yield "it needs at least one letter and one digit"
    if (count := classes(text)) < rules.character_classes:
        yield (
            f"it has {count} of small letters, capitals, digits and other characters; "
            f"{rules.character_classes} of these four are needed"
        )


def _context(account: str, hostname: str, words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(what nobody may build on, whose it is), folded."""
    local_part, _, domain = folded(account).rpartition("@")
    yield folded(account), "the account's name"
    yield local_part, "the account's name"
    yield from ((part, "the account's name") for part in _PARTS.split(local_part) if len(part) >= _SHORTEST_PART)
    for name, whose in ((domain, "the account's domain"), (folded(hostname), "this server's name")):
        labels = name.split(".")
        yield name, whose
        yield from ((label, whose) for label in labels[: max(1, len(labels) - 1)])  # not the "com" at the end
    yield from ((folded(word), "a word that is known here") for word in words)


def _contained(text: str, context: tuple[tuple[str, str], ...]) -> Iterator[str]:
    readings = unmasked(text)
    joined = tuple(map(letters, readings))
    told: set[str] = set()
    for word, whose in context:
        if whose not in told and (how := _how_contained(word, readings, joined)) is not None:
            told.add(whose)
            yield f"it holds {whose} ({printable(word, 64)}){how}; leave it out"


def _how_contained(word: str, readings: tuple[str, ...], joined: tuple[str, ...]) -> str | None:
    bare = letters(word)
    if len(word) >= _SHORTEST_WORD and word in readings[0]:
        return ""
    if len(bare) >= _SHORTEST_WORD and any(bare in reading for reading in readings):
        return " in disguise"
    if len(bare) >= _SHORTEST_APART and any(bare in reading for reading in joined):
        return " in disguise"
    if len(bare) >= _SHORTEST_BACKWARDS and any(bare[::-1] in reading for reading in readings):
        return " backwards"
    return None


def _breached(text: str, *, exact: bool, stem: bool) -> Iterator[str]:
    if text and exact:
        yield "it is known from a breach, or many people choose it; take one made by chance"
    elif text and stem:
        yield (
            "it is built on a password known from a breach, or one that many people choose: digits, signs, capitals "
            "and look-alikes around it do not help; take one made by chance"
        )


def _score(text: str, context: tuple[tuple[str, str], ...]) -> tuple[int, tuple[str, ...]]:
    from zxcvbn_rs_py import zxcvbn  # noqa: PLC0415  # loads a dictionary of some megabytes

    if not text:
        return 0, ()
    scored, *inputs = (each[:_SCORED].encode("utf-8", "replace").decode() for each in (text, *dict(context)))
    entropy = zxcvbn(scored, [word for word in inputs if word])
    score = int(entropy.score)
    if score == 2 and entropy.guesses >= _GUESSES:
        score = 3
    return score, tuple(map(str, entropy.feedback.suggestions[:2])) if entropy.feedback else ()


def _guessable(text: str, score: int, advice: tuple[str, ...], rules: PasswordRules) -> Iterator[str]:
    if text and score < rules.minimum_score:
        said = f"it is easy to guess (score {score} of 4, {rules.minimum_score} is needed)."
        yield " ".join([said, *advice]).rstrip(".")
