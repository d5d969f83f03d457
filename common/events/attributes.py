"""The facts of a product's attributes."""

from typing import Annotated, ClassVar

from pydantic import Field

from common.product_values import Attribute, AttributeKey
from common.values import Message, ProductId


class AttributesCreated(Message):
    schema_version: ClassVar[int] = 1

    product_id: ProductId
    attributes: Annotated[tuple[Attribute, ...], Field(min_length=1)]


class AttributesRolledBack(Message):
    """The product has no attributes of these keys any more."""

    schema_version: ClassVar[int] = 1

    product_id: ProductId
    keys: Annotated[tuple[AttributeKey, ...], Field(min_length=1)]


AttributesEvent = AttributesCreated | AttributesRolledBack
