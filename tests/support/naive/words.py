"""The words of a text, as a second program has them."""

import re
import unicodedata


def words_of(text: str) -> list[str]:
    """Runs of letters and digits, and what dots and dashes join, whole before its parts."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    words: dict[str, None] = {}
    for joined in re.findall(r"\w[\w.\-]*", plain):
        for one in re.split(r"[.\-](?=[.\-])|[.\-]+$|(?<=[.\-])[.\-]", joined):
            for word in [one, *re.split(r"[.\-]", one)]:
                if word:
                    words[word[:40]] = None
    return list(words)[:50]
