"""The words of a text, by which it is found: whole ones, and how they begin."""

import functools
import re
import unicodedata

MAX_WORDS = 50  # of one document
MAX_WORD_CHARACTERS = 40
LONGEST_BEGINNING = 8  # characters; a longer one is looked for by these, and compared with the words
KEPT_TEXTS = 2_000
_WORD = re.compile(r"\w+(?:[.\-]\w+)*")
_PART = re.compile(r"\w+")


def words_of(*texts: str | None) -> tuple[str, ...]:
    """Return each word once, in the order in which they come; `KB-456` is found as a whole and by its parts."""
    words = [word for text in texts if text for word in _words_in(text)]
    return tuple(dict.fromkeys(words))[:MAX_WORDS]


def _words_in(text: str) -> tuple[str, ...]:
    if text.isascii() and text.isalnum():  # one plain word; a parcel's number comes once, and is not worth keeping
        return (text[:MAX_WORD_CHARACTERS].lower(),)
    return _words_among_others(text)


@functools.lru_cache(KEPT_TEXTS)
def _words_among_others(text: str) -> tuple[str, ...]:
    """Names of products come again and again."""
    words = [(word, *_PART.findall(word)) for word in _WORD.findall(_plain(text))]
    return tuple(part[:MAX_WORD_CHARACTERS] for parts in words for part in parts)


def asked_words(text: str) -> tuple[str, ...]:
    """The words that a searcher wrote, as `words_of` would have them."""
    return tuple(dict.fromkeys(word[:MAX_WORD_CHARACTERS] for word in _WORD.findall(_plain(text))))


def beginnings_of(words: tuple[str, ...]) -> tuple[str, ...]:
    lengths = range(1, LONGEST_BEGINNING + 1)
    return tuple(dict.fromkeys(word[:length] for word in words for length in lengths if length <= len(word)))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
