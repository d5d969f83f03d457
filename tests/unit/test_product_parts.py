"""The rules of a product's files and attributes: each command happens, is refused, stays quiet."""

from typing import Any

import pytest
from pydantic import ValidationError

from command_service.domain.attributes import ATTRIBUTES, CreateAttribute, CreateAttributes, RollbackAttributes
from command_service.domain.decider import Context
from command_service.domain.media import MEDIA, CreateMedia, Media, RollbackMedia
from common.access.actors import ANYBODY
from common.codec import encode_event
from common.events.attributes import AttributesCreated, AttributesRolledBack
from common.events.media import MediaCreated, MediaRolledBack
from common.log import MAX_COMMIT_BYTES
from common.product_values import MAX_ATTRIBUTES, MAX_FILES, MAX_KEY_BYTES
from common.stored_commits import stored_size_bytes
from tests.support.product_facts import BACK, FRONT, WITH_ATTRIBUTES, WITH_MEDIA, a_file, attributes
from tests.support.rules import NOW, PRODUCT, given

KNOWN = f"product-{PRODUCT}"


def create(file: Any = FRONT, **changes: Any) -> CreateMedia:
    return CreateMedia.model_validate(file.model_dump() | changes)


def test_a_file_is_added() -> None:
    given(MEDIA, WITH_MEDIA).knowing(KNOWN).when(create(BACK)).then(MediaCreated(product_id=456, file=BACK))


def test_a_product_that_does_not_exist_has_neither_files_nor_attributes() -> None:
    given(MEDIA).when(create()).rejects("unknown_product")
    given(ATTRIBUTES).when(CreateAttribute(key="colour", value="black")).rejects("unknown_product")


@pytest.mark.parametrize("changes", [{"url": "https://example.org/other"}, {"type": "video"}], ids=repr)
def test_another_file_cannot_have_the_same_bucket_and_key(changes: dict[str, Any]) -> None:
    given(MEDIA, WITH_MEDIA).knowing(KNOWN).when(create(**changes)).rejects("media_exists")


def test_a_product_has_a_limit_of_files() -> None:
    many = [MediaCreated(product_id=456, file=a_file(str(n))) for n in range(MAX_FILES)]
    given(MEDIA, *many).knowing(KNOWN).when(create()).rejects("too_many_media")
    given(MEDIA, *many[1:]).knowing(KNOWN).when(create()).then(WITH_MEDIA)


def test_a_file_that_is_there_is_not_added_again() -> None:
    given(MEDIA, WITH_MEDIA).knowing(KNOWN).when(create()).stays_quiet()


GONE = MediaRolledBack(product_id=456, bucket=FRONT.bucket, key=FRONT.key)


def test_one_file_or_all_are_rolled_back() -> None:
    both = (WITH_MEDIA, MediaCreated(product_id=456, file=BACK))
    given(MEDIA, *both).when(RollbackMedia(bucket=FRONT.bucket, key=FRONT.key)).then(GONE)
    given(MEDIA, *both).when(RollbackMedia()).then(GONE, GONE.model_copy(update={"key": BACK.key}))


def test_a_file_that_was_rolled_back_may_come_again() -> None:
    given(MEDIA, WITH_MEDIA, GONE).knowing(KNOWN).when(create()).then(WITH_MEDIA)


def test_a_file_is_named_by_bucket_and_key_together() -> None:
    with pytest.raises(ValidationError):
        RollbackMedia(bucket="products")


@pytest.mark.parametrize("facts", [(), (WITH_MEDIA, GONE)], ids=["never there", "rolled back"])
def test_files_that_are_not_there_are_rolled_back_quietly(facts: tuple[Any, ...]) -> None:
    given(MEDIA, *facts).when(RollbackMedia()).stays_quiet()
    given(MEDIA, *facts).when(RollbackMedia(bucket=FRONT.bucket, key=FRONT.key)).stays_quiet()


def test_all_files_of_a_product_fit_in_a_commit_that_rolls_them_back() -> None:
    media = Media()
    for number in range(MAX_FILES):
        key = f"{number:02}" + "\U0001f3b9" * ((MAX_KEY_BYTES - 2) // 4)
        media = MEDIA.evolve(media, MediaCreated(product_id=456, file=a_file().model_copy(update={"key": key})))
    told = MEDIA.decide(RollbackMedia(), media, Context(subject=PRODUCT, now=NOW, actor=ANYBODY))
    assert len(told) == MAX_FILES
    assert stored_size_bytes([encode_event(event) for event in told]) < MAX_COMMIT_BYTES


def batch(**values: str) -> CreateAttributes:
    return CreateAttributes(attributes=attributes(**values))


def test_attributes_are_created_singly_and_in_batch() -> None:
    given(ATTRIBUTES).knowing(KNOWN).when(CreateAttribute(key="colour", value="black")).then(WITH_ATTRIBUTES)
    given(ATTRIBUTES, WITH_ATTRIBUTES).knowing(KNOWN).when(batch(size="big", colour="black", keys="104")).then(
        AttributesCreated(product_id=456, attributes=attributes(size="big", keys="104"))
    )


def test_an_attribute_that_is_there_cannot_be_created_with_another_value() -> None:
    given(ATTRIBUTES, WITH_ATTRIBUTES).knowing(KNOWN).when(batch(size="big", colour="white")).rejects(
        "attribute_exists"
    )


def test_a_product_has_a_limit_of_attributes() -> None:
    full = attributes(**{f"k{n}": "v" for n in range(MAX_ATTRIBUTES)})
    created = AttributesCreated(product_id=456, attributes=full)
    given(ATTRIBUTES, created).knowing(KNOWN).when(batch(colour="black")).rejects("too_many_attributes")


def test_a_key_stands_once_in_a_batch() -> None:
    with pytest.raises(ValidationError):
        CreateAttributes(attributes=(*attributes(colour="black"), *attributes(colour="white")))


def test_attributes_that_are_there_are_not_created_again() -> None:
    given(ATTRIBUTES, WITH_ATTRIBUTES).knowing(KNOWN).when(batch(colour="black")).stays_quiet()


def test_some_attributes_or_all_are_rolled_back() -> None:
    three = AttributesCreated(product_id=456, attributes=attributes(size="big", keys="104", colour="red"))
    given(ATTRIBUTES, three).when(RollbackAttributes(keys=("size", "weight", "colour"))).then(
        AttributesRolledBack(product_id=456, keys=("size", "colour"))
    )
    given(ATTRIBUTES, three).when(RollbackAttributes()).then(
        AttributesRolledBack(product_id=456, keys=("colour", "keys", "size"))
    )


def test_an_attribute_that_was_rolled_back_may_come_again_with_another_value() -> None:
    gone = AttributesRolledBack(product_id=456, keys=("colour",))
    given(ATTRIBUTES, WITH_ATTRIBUTES, gone).knowing(KNOWN).when(batch(colour="white")).then(
        AttributesCreated(product_id=456, attributes=attributes(colour="white"))
    )


def test_attributes_that_are_not_there_are_rolled_back_quietly() -> None:
    given(ATTRIBUTES).when(RollbackAttributes()).stays_quiet()
    given(ATTRIBUTES, WITH_ATTRIBUTES).when(RollbackAttributes(keys=("size",))).stays_quiet()
