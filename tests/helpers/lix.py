"""A measure of how hard a text is to read."""

from __future__ import annotations

import re


def lix(text: str) -> float:
    """Return LIX: words a sentence, and words of over six letters in a hundred (C.-H. Bjornsson, Lasbarhet, 1968)."""
    words = re.findall(r"[^\W\d_]+", text)
    sentences = len(re.findall(r"[.!?:](?:\s|$)", text)) or 1
    return len(words) / sentences + 100 * sum(len(word) > 6 for word in words) / len(words)
