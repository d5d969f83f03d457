"""The facts of a product's files."""

from typing import ClassVar

from common.product_values import Bucket, MediaFile, ObjectKey
from common.values import Message, ProductId


class MediaCreated(Message):
    schema_version: ClassVar[int] = 1

    product_id: ProductId
    file: MediaFile


class MediaRolledBack(Message):
    """The file belongs to the product no more."""

    schema_version: ClassVar[int] = 1

    product_id: ProductId
    bucket: Bucket
    key: ObjectKey


MediaEvent = MediaCreated | MediaRolledBack
