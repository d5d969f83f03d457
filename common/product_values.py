"""The values that products, their files, attributes and stocks are described with; their contexts share them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from common.values import Message, Url, clean_text

MAX_KEY_BYTES = 1024  # of an object's key, as S3 has it
MAX_FILES = 50  # of a product, and as many of its inventory
MAX_ATTRIBUTES = 100


def _short_in_bytes(text: str) -> str:
    if len(text.encode()) > MAX_KEY_BYTES:
        raise ValueError(f"a key has at most {MAX_KEY_BYTES} bytes in UTF-8")
    return text


StockLevel = Annotated[int, Field(ge=0, le=10**9)]
Sku = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9._-]{0,63}$")]
"""The shop's own number for something it keeps."""
Category = Annotated[str, AfterValidator(clean_text), Field(max_length=100)]
Description = Annotated[str, AfterValidator(clean_text), Field(max_length=5000)]
Bucket = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$")]
"""Where an object store keeps files, named as all of them allow it."""
ObjectKey = Annotated[str, AfterValidator(clean_text), AfterValidator(_short_in_bytes)]
MediaType = Literal["image", "video", "document"]
"""What a page does with the file. Its exact format is told by the store that serves it, and could only differ here."""
AttributeKey = Annotated[str, AfterValidator(clean_text), Field(max_length=100)]
AttributeValue = Annotated[str, AfterValidator(clean_text), Field(max_length=1000)]
InventoryStatus = Literal["ACTIVE", "INACTIVE"]
"""Nothing is reserved from an inactive inventory."""


class MediaFile(Message):
    """A file in an object store, and where people find it."""

    bucket: Bucket
    key: ObjectKey
    url: Url
    type: MediaType

    @property
    def name(self) -> tuple[str, str]:
        """By what a file is known."""
        return self.bucket, self.key


class Attribute(Message):
    key: AttributeKey
    value: AttributeValue


def named_once(files: tuple[MediaFile, ...]) -> tuple[MediaFile, ...]:
    if len({file.name for file in files}) != len(files):
        raise ValueError("a file, by its bucket and key, stands there twice")
    return files


def keyed_once(attributes: tuple[Attribute, ...]) -> tuple[Attribute, ...]:
    if len({attribute.key for attribute in attributes}) != len(attributes):
        raise ValueError("a key stands there twice")
    return attributes


Files = Annotated[tuple[MediaFile, ...], Field(max_length=MAX_FILES), AfterValidator(named_once)]
Attributes = Annotated[tuple[Attribute, ...], Field(max_length=MAX_ATTRIBUTES), AfterValidator(keyed_once)]
