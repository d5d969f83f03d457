"""One document of a view: found or not there, and answered with its version."""

from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from common.errors import NotFound, Unavailable
from query_service.answers import Answer


async def read_document(views: AsyncDatabase, collection: str, key: str | int, *, named: str) -> dict[str, Any]:
    """Raise NotFound when there is none, Unavailable when it was parked before there was anything to show.

    A document of version 0 that is not parked is none: so far only further contexts have told of it.
    """
    document = await views[collection].find_one({"_id": key})
    if document is None or not (document["version"] or "parked" in document):
        raise NotFound(f"unknown_{named}", f"There is no {named} {key}, or it is not yet visible.")
    if not document["version"]:
        raise Unavailable(f"This {named} cannot be shown until its view is repaired.", code="view_parked")
    return document


def answer_with(content: Any, document: Mapping[str, Any]) -> Answer:
    etag = f'"{document["version"]}-{document["position"]}"'
    return Answer(content, etag=etag, is_parked="parked" in document)
