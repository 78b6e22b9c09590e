"""Whether an API key can be guessed."""

from __future__ import annotations

import re

SHORTEST_KEY = 16
# Of 16 random hexadecimal digits, 3 in 10,000 have fewer.
FEWEST_CHARACTERS = 6
# What is left of a key once everything has been taken out that needs no guessing.
LEAST_LEFT = 8
_WORDS = re.compile(
    "change|replace|please|your|here|this|pass(word|phrase)?|secret|(api)?key|token|admin|root|user"
    "|test|demo|default|example|sample|dummy|placeholder|todo|insert|longtail|letmein|welcome"
    "|qwert[yz]|asdf|yxcv|zxcv|me|my|the",
    re.IGNORECASE,
)


def weakness(key: str) -> str | None:
    """Return what makes a key too weak, as the end of a sentence on it; None: nothing does.

    >>> weakness("hunter2"), weakness("abcabcabcabcabcabc")
    ('has 7 characters', 'has 3 different characters alone')
    >>> weakness("change-me-please-1234") is None, weakness("9f86d081884c7d65") is None
    (False, True)
    """
    if len(key) < SHORTEST_KEY:
        return f"has {len(key)} characters"
    if not (key.isascii() and key.isprintable()):
        return "has characters that a header can't carry"
    different = len(set(key.lower()))
    if different < FEWEST_CHARACTERS:
        return f"has {different} different characters alone"
    if _left(key) < LEAST_LEFT:
        return "is made of words, repetitions and sequences that are tried first"
    return None


def _left(key: str) -> int:
    """Return how many characters remain without usual words, sequences and what was there before.

    >>> _left("0123456789abcdef"), _left("longtail-secret-key"), _left("Fq7#Fq7#Fq7#Fq7#")
    (2, 1, 5)
    """
    rest = re.sub(r"[^a-z0-9]{2,}", "-", _WORDS.sub("-", key.lower()))
    left, place = 0, 0
    while place < len(rest):
        # A pair that was there before brings nothing new, nor does the neighbour in the alphabet.
        again = rest.find(rest[place - 1 : place + 1], 0, place) >= 0 if place else False
        step = ord(rest[place]) - ord(rest[place - 1]) if place else 9
        left += not again and abs(step) > 1
        place += 1
    return left
