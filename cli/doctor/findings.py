"""What a rule says of the facts."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "unknown", "look", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and what to do about it; nothing is to be done about what is ok."""

    verdict: Verdict
    sentence: str
    advice: str = ""


def ok(sentence: str) -> Finding:
    return Finding("ok", sentence)


def unknown(sentence: str, advice: str = "") -> Finding:
    """It could not be looked at; no fault by itself."""
    return Finding("unknown", sentence, advice)


def look(sentence: str, advice: str) -> Finding:
    """It may be meant so, or pass by itself; somebody should look."""
    return Finding("look", sentence, advice)


def wrong(sentence: str, advice: str) -> Finding:
    return Finding("wrong", sentence, advice)
