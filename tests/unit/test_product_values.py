"""The values of products refuse what they cannot mean."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from common.product_values import AttributeKey, AttributeValue, Bucket, Category, MediaType, ObjectKey, Sku

GOOD: list[tuple[Any, str]] = [
    (Sku, "KB-456"),
    (Sku, "0"),
    (Sku, "A" * 64),
    (Sku, "A._-B"),
    (Category, "Input devices"),
    (Category, "x" * 100),
    (Bucket, "products"),
    (Bucket, "a.b-c_1"),
    (ObjectKey, "456/front of it.jpg"),
    (ObjectKey, "x" * 1024),
    (MediaType, "image"),
    (MediaType, "video"),
    (MediaType, "document"),
    (AttributeKey, "colour"),
    (AttributeValue, "x" * 1000),
]
BAD: list[tuple[Any, str]] = [
    (Sku, ""),
    (Sku, "kb-456"),
    (Sku, "-KB"),
    (Sku, "KB 456"),
    (Sku, "KB-456\n"),
    (Sku, "A" * 65),
    (Sku, "\u0661"),
    (Category, " "),
    (Category, "x" * 101),
    (Category, "x\u200b"),
    (Bucket, "ab"),
    (Bucket, "Products"),
    (Bucket, "-products"),
    (Bucket, "products/"),
    (ObjectKey, ""),
    (ObjectKey, "\U0001f3b9" * 257),
    (ObjectKey, "x\x00"),
    (MediaType, "image/jpeg"),
    (MediaType, "Image"),
    (AttributeKey, ""),
    (AttributeKey, "x" * 101),
    (AttributeValue, "x" * 1001),
]


def repr_of_text(it: Any) -> str:
    """The kinds' own texts have addresses in them, and are others in every process."""
    return repr(it)[-20:] if isinstance(it, str) else ""


@pytest.mark.parametrize(("kind", "text"), GOOD, ids=repr_of_text)
def test_a_good_value_is_taken(kind: Any, text: str) -> None:
    assert TypeAdapter(kind).validate_python(text) == text


@pytest.mark.parametrize(("kind", "text"), BAD, ids=repr_of_text)
def test_a_value_that_means_nothing_is_refused(kind: Any, text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(text)
