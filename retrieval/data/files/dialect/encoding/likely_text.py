"""How unusual the characters of a text are for the encoding it was decoded with."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_WORDS = re.compile(r"[^\W\d_]+")
_TURNS_TO_CAPITALS = re.compile(r"[a-zß-öø-ÿа-яё][A-ZÀ-ÖØ-ÞА-Я]")
_LATIN = "àáâãäåæçèéêëìíîïñòóôõöøùúûüßœ"
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "HEBREW", "ARABIC")
_SIGNS = "€’‘“”–—«»°®™№…·"
_LETTERS = {
    "cp1252": _LATIN,
    "cp1250": _LATIN + "ąćęłńśźżčďěňřšťůžőű",
    "cp1254": _LATIN + "ğışİ",
    "cp1251": "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґ",
    "koi8_r": "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
    "cp1253": "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ",
    "cp1255": "אבגדהוזחטיךכלםמןנסעףפץצקרשת",
    "cp1256": "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهويىپچژگکیھہے؟،؛",
}
# The letters that make up most of any text in an alphabet: five of six, and of what isn't text in
# it far fewer; then its vowels, two of five.
_USUAL_LETTERS = {
    "cp1251": "оеаинтсрвлкмдпуі",
    "koi8_r": "оеаинтсрвлкмдпу",
    "cp1253": "αάοόιίεέτσςνηήυύρπκμλωώ",
    "cp1255": "יוהלאתרמשבנםכק",
    "cp1256": "ايلمنرتوبهسدعقفةیک",
}
_VOWELS = {
    "cp1251": "аеёиоуыэюяіїєъ",
    "koi8_r": "аеёиоуыэюя",
    "cp1253": "αεηιουωάέήίόύώϊϋΐΰ",
    "cp1255": "יוהאע",
    "cp1256": "اويىةهیآأإ",
}
_MOST_LETTERS, _FEWEST_VOWELS, _CAPITALS = 0.75, 0.33, 0.05
_WELL_FORMED, _SEVERAL = 0.15, 4
# Any few bytes are letters there.
_DECODES_ANYTHING, _FEWEST_LETTERS = ("cp1255", "cp1256"), 8
# What stands alone at the end of a Hebrew word, and what stands there in another form.
_HEBREW_WORD = re.compile("[אבגדהוזחטיכלמנסעפצקרשת]*[אבגדהוזחטילסעקרשתךםןףץפ]")
# A syllable of Thai as it can be written: marks stand on consonants, and some vowels before them.
_THAI = re.compile(
    "[\u0e40-\u0e44]?[\u0e01-\u0e2e][\u0e31\u0e34-\u0e3a\u0e47]?[\u0e48-\u0e4c]?"
    "[\u0e30\u0e32\u0e33\u0e45]?|[\u0e2f\u0e46]|[\u0e50-\u0e59]+|\u0e3f"
)
# First bytes of the characters that come first in the standard, the everyday ones.
_EVERYDAY = {
    "gb18030": (0xB0, 0xD7),
    "big5hkscs": (0xA4, 0xC6),
    "cp932": (0x88, 0x97),
    "euc_jp": (0xB0, 0xCF),
}


def unlikeliness(text: str, codec: str) -> float:
    """Return from 0 to some 3: the share of unusual characters, half that of odd words, and what
    an alphabet lacks of its usual letters.

    A word is odd where it mixes alphabets, turns to capitals inside, is mostly accents, or has
    forms of Hebrew letters amid that only stand at the end.

    >>> unlikeliness("Café", "cp1252"), unlikeliness("茶龘", "gb18030")
    (0.0, 0.5)
    """
    wide = [character for character in text if not character.isascii()]
    if codec == "cp874":
        return _unlikely_thai(text, len(wide))
    usual = sum(_is_usual(character, codec) for character in wide)
    words = [word for word in _WORDS.findall(text) if not word.isascii()]
    odd = sum(map(_is_odd, words))
    # By chance some words may have each letter's form where it belongs, several haven't.
    formed = _WELL_FORMED * (codec == "cp1255" and not odd and len(set(words)) >= _SEVERAL)
    return (
        1 - formed - usual / max(len(wide), 1) + odd / max(len(words), 1) / 2 + _lack(wide, codec)
    )


def _lack(wide: Sequence[str], codec: str) -> float:
    """Return from 0 to 1.3 how far an alphabet's text is from having the letters it should."""
    letters = [character for character in wide if character.isalpha()]
    if codec not in _VOWELS or not letters:
        return 0
    if codec in _DECODES_ANYTHING and len(letters) < _FEWEST_LETTERS:
        return 1
    lower = [letter.lower() for letter in letters]
    usual = sum(letter in _USUAL_LETTERS[codec] for letter in lower) / len(letters)
    vowels = sum(letter in _VOWELS[codec] for letter in lower) / len(letters)
    capitals = sum(letter.isupper() for letter in letters) / len(letters)
    return max(_MOST_LETTERS - usual, 0) + max(_FEWEST_VOWELS - vowels, 0) + _CAPITALS * capitals


def _is_usual(character: str, codec: str) -> float:
    if unicodedata.category(character) in ("Co", "Cn", "Cc"):
        return -1
    if character in _SIGNS or "\u3000" <= character <= "\u3020":
        return 1
    if codec in _LETTERS:
        return character.lower() in _LETTERS[codec]
    raw = character.encode(codec)
    if codec == "cp949":
        # Hangul of the old standard; the others are spelt with a byte below 0xA1.
        return "\uac00" <= character <= "\ud7a3" and raw[0] >= 0xB0 and raw[1] >= 0xA1
    if codec in ("cp932", "euc_jp"):
        if "\uff61" <= character <= "\uff9f":
            return 0.3  # kana of half width: two of them are the bytes of any other character
        if "\u3040" <= character <= "\u30ff":
            return 1
    if "\uff01" <= character <= "\uff5e":
        return 1
    first, last = _EVERYDAY[codec]
    return first <= raw[0] <= last and (codec != "gb18030" or raw[1] >= 0xA1)


def _unlikely_thai(text: str, n_wide: int) -> float:
    """Return twice the share of the characters that stand where Thai has none of their kind."""
    fine = sum(len(syllable[0]) for syllable in _THAI.finditer(text) if _is_apart(text, syllable))
    fine += sum(character in _SIGNS for character in text)
    return min(2 * (1 - fine / max(n_wide, 1)), 1.5)


def _is_apart(text: str, syllable: re.Match[str]) -> bool:
    before, after = (
        text[syllable.start() - 1 : syllable.start()],
        text[syllable.end() : syllable.end() + 1],
    )
    return not any(one.isascii() and one.isalpha() for one in (before, after))


def _is_odd(word: str) -> bool:
    scripts = {_script(character) for character in word}
    if len(scripts) > 1:
        # "USB" before Chinese is usual, an accent beside it is not.
        return scripts != {"LATIN", "other"} or not all(
            character.isascii() for character in word if _script(character) == "LATIN"
        )
    if scripts == {"HEBREW"} and not _HEBREW_WORD.fullmatch(word):
        return True
    if _TURNS_TO_CAPITALS.search(word):
        return True
    accents = sum(not character.isascii() for character in word)
    return scripts == {"LATIN"} and len(word) > 1 and accents * 2 > len(word)


def _script(character: str) -> str:
    name = unicodedata.name(character, "").partition(" ")[0]
    return name if name in _SCRIPTS else "other"
