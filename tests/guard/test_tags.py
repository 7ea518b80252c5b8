"""What stands for a wrong password."""

from __future__ import annotations

from mmap import mmap

from mailward.guard.tags import DAY, SIZE, Heard, TagKeys, Tags
from mailward.secret import Secret
from tests.guard.doubles import keys

NOW = 20_833.0 * DAY
CANARY = "canary-ZmFsc2UgcGFzc3dvcmQ"


def _keys() -> tuple[TagKeys, list[int], mmap]:
    renewed: list[int] = []
    buffer = mmap(-1, SIZE)
    return TagKeys(buffer, 0, key_source=keys(), new_day=renewed.append), renewed, buffer


def test_the_same_password_has_the_same_tags() -> None:
    """On one account; on another only the site's are the same."""
    tags, _, _ = _keys()
    one, again = (tags.tags("ann", Secret("x"), NOW) for _ in range(2))
    other, different = tags.tags("bob", Secret("x"), NOW), tags.tags("ann", Secret("y"), NOW)

    assert one == again
    assert other.site == one.site
    assert not set(other.account) & set(one.account)
    assert not {*different.account, *different.site} & {*one.account, *one.site}


def test_a_text_that_stands_for_a_password_is_not_that_password() -> None:
    """What an outsider sends as a hash cannot be made to look like a password."""
    tags, _, _ = _keys()

    assert tags.tags("ann", "x", NOW).site != tags.tags("ann", Secret("x"), NOW).site
    assert tags.tags("ann", "x", NOW) == tags.tags("ann", "x", NOW)


def test_a_key_lives_two_days() -> None:
    """Yesterday's tag is known for all of today, so that no window of a day has a gap; then its key is gone."""
    tags, renewed, _ = _keys()
    days = [tags.tags("ann", Secret("x"), NOW + day * DAY + DAY - 1) for day in range(3)]

    assert [each.day for each in days] == [1, 0, 1]
    assert days[0].account[1] == days[1].account[1]
    assert days[1].account[0] == days[2].account[0]
    assert days[0].account[1] != days[2].account[1]
    assert renewed == [0, 1, 0, 1]


def test_after_days_of_silence_both_keys_are_new() -> None:
    """And when the clock was put back."""
    tags, renewed, _ = _keys()
    before = tags.tags("ann", Secret("x"), NOW)
    after = tags.tags("ann", Secret("x"), NOW + 2 * DAY)
    back = tags.tags("ann", Secret("x"), NOW - 5 * DAY)

    assert len({before.account, after.account, back.account}) == 3
    assert renewed == [0, 1] * 3


def test_a_tag_is_sixteen_bits_and_nothing_else_is_kept() -> None:
    """The password leaves no trace in the state."""
    tags, _, buffer = _keys()
    found = [tags.tags("ann", Secret(f"{CANARY} {number}"), NOW) for number in range(500)]

    assert all(0 <= tag < 1 << 16 for each in found for tag in (*each.account, *each.site))
    assert len({each.account for each in found}) > 490
    assert CANARY.encode() not in buffer[:]
    assert CANARY not in repr(found)


def test_a_process_is_not_deceived_by_its_own_tags() -> None:
    """Two passwords that share all of their 16 bits are two, to the process that heard the first."""
    tags, _, _ = _keys()
    heard = Heard()
    seen: dict[int, Tags] = {}
    for number in range(100_000):
        each = tags.tags("ann", Secret(f"{number}"), NOW)
        other = seen.setdefault(each.account[1], each)
        if other is not each:
            break
    else:
        raise AssertionError("no two of them share a tag")
    assert not heard.another("ann", each, 1)
    heard.add("ann", other)

    assert (heard.another("ann", each, 1), heard.another("ann", other, 1), heard.another("bob", each, 1)) == (
        True,
        False,
        False,
    )
    heard.add("ann", each)
    assert not heard.another("ann", each, 1)


def test_any_text_is_a_password() -> None:
    """Also what no encoding can write."""
    tags, _, _ = _keys()

    assert tags.tags("\udcff", Secret("\udcff"), NOW).day == 1
