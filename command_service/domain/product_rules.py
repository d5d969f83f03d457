"""Rules that a product, its files and its stock have in common."""

from typing import TypeVar

from common.errors import CommandRejected
from common.product_values import MAX_FILES, MediaFile

T = TypeVar("T")


def changed(wanted: T | None, current: T | None) -> T | None:
    """What an event has to say of a field: nothing where it stays as it is."""
    return None if wanted == current else wanted


def is_new_file(file: MediaFile, files: tuple[MediaFile, ...]) -> bool:
    """False when it is there already; raises CommandRejected when it cannot be added."""
    if file in files:
        return False
    if any(file.name == other.name for other in files):
        raise CommandRejected(
            "media_exists", f"{file.bucket}/{file.key} is there with another url or type; take that away first."
        )
    if len(files) >= MAX_FILES:
        raise CommandRejected("too_many_media", f"There are {MAX_FILES} files; more cannot be added.")
    return True
