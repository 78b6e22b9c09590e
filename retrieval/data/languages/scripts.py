"""Which script a letter belongs to, and which scripts part no words with blanks."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Han with its rarer planes, and kana.
_CHARACTERS = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff"
)
# With Thai, Lao, Burmese and Khmer.
_UNSPACED = f"{_CHARACTERS}\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_HANGUL = "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"
# One of them may be a word.
WORD_CHARACTER = re.compile(f"[{_CHARACTERS}]")
UNSPACED_LETTER = re.compile(f"[{_UNSPACED}]")
# Korean parts words with blanks, but a word comes with its endings and its compounds.
PAIRED_RUN = re.compile(f"[{_UNSPACED}{_HANGUL}]+")

# By the first word of a letter's Unicode name.
_SCRIPTS = {
    "ARABIC": "Arabic",
    "ARMENIAN": "Armenian",
    "BENGALI": "Bengali",
    "BOPOMOFO": "Chinese",
    "CJK": "Chinese",
    "CYRILLIC": "Cyrillic",
    "DEVANAGARI": "Devanagari",
    "ETHIOPIC": "Ethiopic",
    "GEORGIAN": "Georgian",
    "GREEK": "Greek",
    "GUJARATI": "Gujarati",
    "HANGUL": "Korean",
    "HEBREW": "Hebrew",
    "HIRAGANA": "Japanese",
    "KANNADA": "Kannada",
    "KATAKANA": "Japanese",
    "KHMER": "Khmer",
    "LAO": "Lao",
    "LATIN": "Latin",
    "MALAYALAM": "Malayalam",
    "MYANMAR": "Burmese",
    "SINHALA": "Sinhala",
    "TAMIL": "Tamil",
    "TELUGU": "Telugu",
    "THAI": "Thai",
}


@lru_cache(maxsize=65_536)
def script_of(letter: str) -> str:
    """Return the script of one letter as people call it, or nothing for what is no letter.

    >>> script_of("ж"), script_of("靴"), script_of("ソ"), script_of("양"), script_of("7")
    ('Cyrillic', 'Chinese', 'Japanese', 'Korean', '')
    """
    if unicodedata.category(letter)[0] not in "LM":
        return ""
    first = unicodedata.name(letter, "").replace("FULLWIDTH ", "").replace("HALFWIDTH ", "")
    return _SCRIPTS.get(first.partition(" ")[0], "")
