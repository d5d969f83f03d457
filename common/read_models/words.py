"""The words that a view is found by in a search."""

import re
from collections.abc import Iterable

MOST_WORDS = 50  # of one view
MOST_CHARACTERS = 40  # of one word; longer ones are cut
_WORD = re.compile(r"\w+")


def words_of(*texts: str | None) -> tuple[str, ...]:
    """Every word once, folded to one case, the first MOST_WORDS of them; shown and stored in this order."""
    found: Iterable[str] = (word for text in texts if text for word in _WORD.findall(text.casefold()))
    return tuple(dict.fromkeys(word[:MOST_CHARACTERS] for word in found))[:MOST_WORDS]
