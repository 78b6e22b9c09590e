"""How unusual the characters of a text are for the encoding it was decoded with."""

from __future__ import annotations

import re
import unicodedata

_WORDS = re.compile(r"[^\W\d_]+")
_TURNS_TO_CAPITALS = re.compile(r"[a-zß-öø-ÿа-яё][A-ZÀ-ÖØ-ÞА-Я]")
_LATIN = "àáâãäåæçèéêëìíîïñòóôõöøùúûüßœ"
_SIGNS = "€’‘“”–—«»°®™№…·"
_LETTERS = {
    "cp1252": _LATIN,
    "cp1250": _LATIN + "ąćęłńśźżčďěňřšťůžőű",
    "cp1254": _LATIN + "ğışİ",
    "cp1251": "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґ",
    "koi8_r": "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
    "cp1253": "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ",
}
# First bytes of the characters that come first in the standard, the everyday ones.
_EVERYDAY = {
    "gb18030": (0xB0, 0xD7),
    "big5hkscs": (0xA4, 0xC6),
    "cp932": (0x88, 0x97),
    "euc_jp": (0xB0, 0xCF),
}


def unlikeliness(text: str, codec: str) -> float:
    """Return from 0 to 1.5: the share of unusual characters, and half that of odd words.

    A word is odd where it mixes alphabets, turns to capitals inside, or is mostly accents.

    >>> unlikeliness("Café", "cp1252"), unlikeliness("茶龘", "gb18030")
    (0.0, 0.5)
    """
    wide = [character for character in text if not character.isascii()]
    usual = sum(_is_usual(character, codec) for character in wide)
    words = [word for word in _WORDS.findall(text) if not word.isascii()]
    odd = sum(map(_is_odd, words))
    return 1 - usual / max(len(wide), 1) + odd / max(len(words), 1) / 2


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


def _is_odd(word: str) -> bool:
    scripts = {_script(character) for character in word}
    if len(scripts) > 1:
        # "USB" before Chinese is usual, an accent beside it is not.
        return scripts != {"LATIN", "other"} or not all(
            character.isascii() for character in word if _script(character) == "LATIN"
        )
    if _TURNS_TO_CAPITALS.search(word):
        return True
    accents = sum(not character.isascii() for character in word)
    return scripts == {"LATIN"} and len(word) > 1 and accents * 2 > len(word)


def _script(character: str) -> str:
    name = unicodedata.name(character, "").partition(" ")[0]
    return name if name in ("LATIN", "CYRILLIC", "GREEK") else "other"
