"""The rules of a product's files."""

from typing import assert_never

import msgspec
from msgspec.structs import replace
from pydantic import model_validator

from command_service.domain.decider import Context, Decider
from command_service.domain.product_rules import is_new_file
from common.errors import NotFound
from common.events.media import MediaCreated, MediaEvent, MediaRolledBack
from common.product_values import Bucket, MediaFile, MediaType, ObjectKey
from common.values import Message, Url


class CreateMedia(Message):
    """Add a file, which is in its store already."""

    bucket: Bucket
    key: ObjectKey
    url: Url
    type: MediaType


class RollbackMedia(Message):
    """Take away the file of this bucket and key; without them, all files."""

    bucket: Bucket | None = None
    key: ObjectKey | None = None

    @model_validator(mode="after")
    def _one_or_all(self) -> "RollbackMedia":
        if (self.bucket is None) != (self.key is None):
            raise ValueError("give both bucket and key, or neither for all files")
        return self


MediaCommand = CreateMedia | RollbackMedia


class Media(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    files: tuple[MediaFile, ...] = ()


def decide(command: MediaCommand, media: Media, context: Context) -> tuple[MediaEvent, ...]:
    match command:
        case CreateMedia():
            return _create(command, media, context)
        case RollbackMedia():
            return _roll_back(command, media, context)
    assert_never(command)


def _create(command: CreateMedia, media: Media, context: Context) -> tuple[MediaEvent, ...]:
    if f"product-{context.subject}" not in context.known_streams:
        raise NotFound("unknown_product", f"There is no product {context.subject}.")
    file = MediaFile(bucket=command.bucket, key=command.key, url=command.url, type=command.type)
    if not is_new_file(file, media.files):
        return ()
    return (MediaCreated(product_id=int(context.subject), file=file),)


def _roll_back(command: RollbackMedia, media: Media, context: Context) -> tuple[MediaEvent, ...]:
    """What is not there is rolled back quietly: who undoes may not know what was done."""
    return tuple(
        MediaRolledBack(product_id=int(context.subject), bucket=file.bucket, key=file.key)
        for file in media.files
        if command.bucket is None or file.name == (command.bucket, command.key)
    )


def evolve(media: Media, event: MediaEvent) -> Media:
    match event:
        case MediaCreated():
            return replace(media, files=(*media.files, event.file))
        case MediaRolledBack():
            gone = (event.bucket, event.key)
            return replace(media, files=tuple(file for file in media.files if file.name != gone))
    assert_never(event)


MEDIA: Decider[MediaCommand, Media, MediaEvent] = Decider(
    context="media",
    id_field="product_id",
    initial=Media(),
    state=Media,
    decide=decide,
    evolve=evolve,
    status=lambda _: None,
    owner="product",
    outgrows=True,
)
