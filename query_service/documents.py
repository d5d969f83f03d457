"""One document of a view: found or not there, and answered with its version."""

from collections.abc import Callable, Mapping
from typing import Any

from common.errors import NotFound, Unavailable
from query_service.answers import Answer
from query_service.views import Views

WITHOUT_WORDS = {"words": 0, "beginnings": 0}
"""They are there to be searched, and in no answer."""


async def read_document(
    views: Views,
    collection: str,
    key: str | int,
    *,
    named: str,
    asked: str | int | None = None,
    is_hidden: Callable[[Mapping[str, Any]], bool] = lambda _: False,
) -> dict[str, Any]:
    """Raise NotFound when there is none, Unavailable when it was parked before there was anything to show.

    A document of version 0 that is not parked is none: so far only further contexts have told of it. Nor is one that
    is hidden. `asked` is what the client called it, if not by its key.
    """
    document = await views[collection].find_one({"_id": key})
    if document is None or not (document["version"] or "parked" in document) or is_hidden(document):
        raise not_found(named, asked or key)
    if not document["version"]:
        raise Unavailable(f"This {named} cannot be shown until its view is repaired.", code="view_parked")
    return document


def not_found(named: str, key: str | int) -> NotFound:
    return NotFound(f"unknown_{named}", f"There is no {named} {key}, or it is not yet visible.")


def answer_with(content: Any | Callable[[], Any], document: Mapping[str, Any]) -> Answer:
    """Content that is there already says more than the document: its ETag is for If-Match, and for no 304."""
    etag = f"{document['version']}-{document['position']}"
    partition = document["partition"] if callable(content) else None
    return Answer(content, etag=etag, partition=partition, is_parked="parked" in document)
