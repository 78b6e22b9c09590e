"""What a person should know of texts that are longer than the tower reads at once."""

from __future__ import annotations

from longtail.retrieval.towers.text.text_pieces import LongTexts


def long_texts_note(longer: int, n: int, max_tokens: int, long_texts: LongTexts) -> str:
    """Return one line about the longer texts, of n; nothing where there are none.

    >>> long_texts_note(2, 1000, 96, "cut")
    '2 of 1,000 texts are longer than the 96 tokens that the tower reads; the rest is cut off'
    >>> long_texts_note(0, 1000, 96, "cut")
    ''
    """
    if not longer:
        return ""
    become = {"cut": "the rest is cut off", "average": "they are read in pieces"}[long_texts]
    return (
        f"{longer:,} of {n:,} texts are longer than the {max_tokens} tokens that the tower reads; "
        f"{become}"
    )
