"""What a new password must be (NIST SP 800-63B-4 §3.1.1.2: long and not guessable; no rules of composition)."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise

from mailward.accounts.words import WORDS
from mailward.errors import InputError
from mailward.sasl.saslprep import prepare_password

MIN_CHARACTERS = 15
MAX_CHARACTERS = 256
MAX_OCTETS = 1024  # also what SASL carries here
MIN_SCORE = 3  # of zxcvbn's 0 to 4
_SCORED = 72  # zxcvbn's time grows faster than the length; more characters can only make a password better
_SHORTEST_WORD = 4  # a password may well hold "ann"
_MIN_DISTINCT = 5
_SEQUENCE = 4
_SIGNS = "23456789abcdefghjkmnpqrstuvwxyz"  # none is mistaken for another: no 0 and o, no 1, l and i


def check(password: str, *, account: str, hostname: str = "", words: Iterable[str] = ()) -> tuple[str, ...]:
    """Every reason not to take `password` for `account`, in plain words; empty when it is good.

    hostname: this server's. words: what else nobody may build a password on, such as the name of the organisation.
    """
    text = unicodedata.normalize("NFC", password)
    context = tuple(dict.fromkeys(_context(account, hostname, words)))
    start = text[:MAX_CHARACTERS]
    return (*_size(text), *_characters(text), *_patterns(start), *_contained(start, context), *_score(start, context))


def generate(*, account: str = "", hostname: str = "", words: Iterable[str] = ()) -> str:
    """A password such as kite-9f3m-amber-72qd-otter, of 64 random bits; one that `check` takes for `account`."""
    avoid = tuple(words)
    while True:
        password = "-".join((secrets.choice(WORDS), _group(), secrets.choice(WORDS), _group(), secrets.choice(WORDS)))
        if not check(password, account=account, hostname=hostname, words=avoid):
            return password


def _group() -> str:
    return "".join(secrets.choice(_SIGNS) for _ in range(4))


def _size(text: str) -> Iterator[str]:
    if len(text) < MIN_CHARACTERS:
        yield f"it has {_counted(len(text))}; {MIN_CHARACTERS} is the least (four random words make a good password)"
    if len(text) > MAX_CHARACTERS:
        yield f"it has {_counted(len(text))}; {MAX_CHARACTERS} is the most"
    if (octets := len(text.encode("utf-8", "surrogatepass"))) > MAX_OCTETS:
        yield f"it has {octets} octets in UTF-8; {MAX_OCTETS} is the most"


def _counted(characters: int) -> str:
    return "1 character" if characters == 1 else f"{characters} characters"


def _characters(text: str) -> Iterator[str]:
    """What SASLprep forbids would be kept and never match."""
    if any(unicodedata.category(character) == "Cc" for character in text):
        yield "it holds a control character (a tab or a line break, perhaps from copying)"
    elif text and len(text) <= MAX_CHARACTERS:
        try:
            prepare_password(text)
        except InputError as error:
            yield f"mail programs cannot use it: {error.message}"


def _patterns(text: str) -> Iterator[str]:
    folded = text.casefold()
    if 0 < len(set(folded)) < min(_MIN_DISTINCT, len(folded)):
        yield f"it is made of {len(set(folded))} different characters only; use at least {_MIN_DISTINCT}"
    elif any(0 < 2 * _period(part) <= len(part) for part in (folded, "".join(filter(str.isalnum, folded)))):
        yield "it is one piece repeated; repeating makes nothing stronger"
    if (count := _in_sequences(folded)) and 2 * count > len(folded):
        yield "most of it is a sequence such as abcd, 4321 or aaaa"


def _period(text: str) -> int:
    """The length of the piece whose repetition (the last one perhaps cut short) is the whole text."""
    return next((size for size in range(1, len(text)) if text[size:] == text[:-size]), len(text))


def _in_sequences(text: str) -> int:
    """How many characters belong to runs of at least `_SEQUENCE` that go up by one, down by one or not at all."""
    steps = [ord(after) - ord(before) for before, after in pairwise(text)]
    count = run = 0
    for position, step in enumerate(steps):
        run = run + 1 if position and step == steps[position - 1] else 1
        if abs(step) <= 1 and run >= _SEQUENCE - 1:
            count += _SEQUENCE if run == _SEQUENCE - 1 else 1
    return count


def _context(account: str, hostname: str, words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(what nobody may build on, whose it is), folded."""
    local_part, _, domain = account.casefold().rpartition("@")
    yield account.casefold(), "the account's name"
    yield local_part, "the account's name"
    for name, whose in ((domain, "the account's domain"), (hostname.casefold(), "this server's name")):
        labels = name.split(".")
        yield name, whose
        yield from ((label, whose) for label in labels[: max(1, len(labels) - 1)])  # not the "com" at the end
    yield from ((word.casefold(), "a word that is known here") for word in words)


def _contained(text: str, context: tuple[tuple[str, str], ...]) -> Iterator[str]:
    folded = text.casefold()
    told: set[str] = set()
    for word, whose in context:
        if len(word) >= _SHORTEST_WORD and word in folded and whose not in told:
            told.add(whose)
            yield f"it holds {whose} ({word})"


def _score(text: str, context: tuple[tuple[str, str], ...]) -> Iterator[str]:
    from zxcvbn_rs_py import zxcvbn  # noqa: PLC0415  # loads a dictionary of some megabytes

    if not text:
        return
    scored = text[:_SCORED].encode("utf-8", "replace").decode()
    entropy = zxcvbn(scored, [word for word, _ in context if word])
    if (score := int(entropy.score)) < MIN_SCORE:
        advice = entropy.feedback.suggestions[:2] if entropy.feedback else []
        yield " ".join([f"it is easy to guess (score {score} of 4, {MIN_SCORE} is needed).", *map(str, advice)]).rstrip(
            "."
        )
