"""What is left of a password when the decoration is taken off: `P4ssw0rd!!` is password, `Summer2024!` is summer."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from itertools import groupby

_LEET = str.maketrans("0134578@$!|+(", "oleastbasiltc")
_LEET_OTHERWISE = str.maketrans("1!|", "ill")
_LEET_AGAIN = str.maketrans("1!69", "iigg")
_SHORTEST = 4  # of a stem: "ann" is in half the dictionary
_MOST_ADDED = 10  # characters beside the stem; with more of them the digits may be what makes it good


def folded(text: str) -> str:
    """One spelling for capitals and compatibility forms; accents stay."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def unmasked(text: str) -> tuple[str, ...]:
    """`text`, folded, in each way it reads with look-alikes undone; as it is, comes first."""
    plain = folded(text)
    otherwise = (plain.translate(first).translate(_LEET) for first in (_LEET_OTHERWISE, _LEET_AGAIN))
    return tuple(dict.fromkeys((plain, plain.translate(_LEET), *otherwise)))


def letters(text: str) -> str:
    """Nothing else of it: `a.n.n` is ann."""
    return "".join(filter(str.isalpha, text))


def stems(text: str) -> Iterator[str]:
    """What a guesser would begin with to reach `text`: never `text` itself, never anything short."""
    plain = folded(text)
    seen = {text}
    for stem in (plain, *_stripped(plain), *(_without_marks(each) for each in _stripped(plain))):
        for each in (stem, _piece(stem)):
            if len(each) >= _SHORTEST and each not in seen:
                seen.add(each)
                yield each


def _stripped(plain: str) -> Iterator[str]:
    first, end = _edges(plain, str.isalpha)
    sooner, later = _edges(plain, str.isalnum)
    for part in (plain, plain[first:end], plain[sooner:end], plain[first:later], plain[sooner:later], plain[:end]):
        for reading in unmasked(part):
            for stem in (reading, letters(reading)):
                if _added(plain, stem) <= _MOST_ADDED:
                    yield stem
    yield "".join(filter(str.isalnum, plain))


def _edges(text: str, belongs: Callable[[str], bool]) -> tuple[int, int]:
    places = [place for place, character in enumerate(text) if belongs(character)]
    return (places[0], places[-1] + 1) if places else (0, 0)


def _added(text: str, stem: str) -> int:
    """How many characters were put around a stem. `!!!!` counts as one: it took one thought."""
    runs = sum(1 for character, _ in groupby(text) if not character.isalpha())
    return max(0, min(runs, len(text) - len(stem)))


def _without_marks(text: str) -> str:
    return letters(unicodedata.normalize("NFKD", text))


def _piece(text: str) -> str:
    """What is repeated: `password` of `passwordpassword`; otherwise all of it."""
    size = next((size for size in range(1, len(text) // 2 + 1) if text[size:] == text[:-size]), len(text))
    return text[:size]
