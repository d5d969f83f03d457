"""The rules of a product: each command happens, is refused, stays quiet."""

from typing import Any

import pytest
from pydantic import ValidationError

from command_service.domain.products import (
    PRODUCTS,
    ActivateProduct,
    ChangePrice,
    CreateProduct,
    RollbackProduct,
    UpdateProduct,
)
from common.events.products import ProductRolledBack, ProductUpdated
from common.product_values import MAX_ATTRIBUTES, MAX_FILES
from tests.support.product_facts import (
    ACTIVATED,
    BLACK,
    CREATED,
    EVERYTHING,
    FRONT,
    REPRICED,
    ROLLED_BACK,
    SHELF,
    UPDATED,
    a_file,
    attributes,
)
from tests.support.rules import given


def create(**changes: Any) -> CreateProduct:
    said = CREATED.model_dump(exclude={"onboarding", "price"}) | {"price": "49.99"}
    return CreateProduct.model_validate(said | changes)


THE_WHOLE = {"inventory": EVERYTHING.inventory, "media": (FRONT,), "inventory_media": (SHELF,), "attributes": BLACK}


def test_a_product_is_created() -> None:
    given(PRODUCTS).when(create()).then(CREATED)


def test_what_is_asked_for_with_a_product_is_told_with_it() -> None:
    given(PRODUCTS).when(create(**THE_WHOLE)).then(CREATED.model_copy(update={"onboarding": EVERYTHING}))


@pytest.mark.parametrize("changes", [{"name": "Mouse"}, {"price": "49.98"}, {"sku": None}, {"attributes": BLACK}])
def test_another_product_cannot_be_created_under_the_same_id(changes: dict[str, Any]) -> None:
    given(PRODUCTS, CREATED).when(create(**changes)).rejects("product_exists")


def test_a_product_that_was_rolled_back_is_never_created_again() -> None:
    given(PRODUCTS, CREATED, ROLLED_BACK).when(create()).rejects("product_rolled_back")


def test_the_same_product_is_created_once_whatever_became_of_it() -> None:
    given(PRODUCTS, CREATED).when(create()).stays_quiet()
    given(PRODUCTS, CREATED, UPDATED, REPRICED, ACTIVATED).when(create()).stays_quiet()


@pytest.mark.parametrize(
    "changes",
    [
        {"media": (FRONT, FRONT)},
        {"media": (FRONT, a_file(kind="video"))},
        {"media": tuple(a_file(str(n)) for n in range(MAX_FILES + 1))},
        {"inventory_media": (SHELF,)},
        {"attributes": (*BLACK, *attributes(colour="white"))},
        {"attributes": attributes(**{f"k{n}": "v" for n in range(MAX_ATTRIBUTES + 1)})},
    ],
    ids="/".join,
)
def test_what_is_asked_for_with_a_product_is_named_once_and_bounded(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        create(**changes)


def test_only_what_changes_of_a_product_is_said() -> None:
    command = UpdateProduct(name="Quiet keyboard", category="Input devices", sku="KB-456")
    given(PRODUCTS, CREATED).when(command).then(UPDATED)
    given(PRODUCTS, CREATED, ACTIVATED).when(UpdateProduct(description="Quiet.", sku="KB.2")).then(
        ProductUpdated(product_id=456, description="Quiet.", sku="KB.2")
    )


def test_a_product_that_is_so_already_is_not_updated() -> None:
    given(PRODUCTS, CREATED, UPDATED).when(UpdateProduct(name="Quiet keyboard")).stays_quiet()
    given(PRODUCTS, CREATED).when(UpdateProduct()).stays_quiet()


def test_a_price_is_changed() -> None:
    given(PRODUCTS, CREATED).when(ChangePrice.model_validate({"price": "39.99"})).then(REPRICED)


def test_the_same_price_is_not_said_again() -> None:
    given(PRODUCTS, CREATED, REPRICED).when(ChangePrice.model_validate({"price": "39.99"})).stays_quiet()


def test_a_product_is_activated() -> None:
    given(PRODUCTS, CREATED).when(ActivateProduct()).then(ACTIVATED)


def test_an_active_product_stays_active() -> None:
    given(PRODUCTS, CREATED, ACTIVATED).when(ActivateProduct()).stays_quiet()


ROLL_BACK = RollbackProduct(code="onboarding_failed", reason="No inventory.")


@pytest.mark.parametrize("facts", [(CREATED,), (CREATED, ACTIVATED)], ids=["pending", "active"])
def test_a_product_is_rolled_back(facts: tuple[Any, ...]) -> None:
    given(PRODUCTS, *facts).when(ROLL_BACK).then(ROLLED_BACK)


def test_a_rollback_without_a_code_has_one() -> None:
    told = ProductRolledBack(product_id=456, code="rolled_back", reason="A mistake.")
    given(PRODUCTS, CREATED).when(RollbackProduct(reason="A mistake.")).then(told)


@pytest.mark.parametrize("facts", [(), (CREATED, ROLLED_BACK)], ids=["never created", "rolled back"])
def test_what_is_not_there_is_rolled_back_quietly(facts: tuple[Any, ...]) -> None:
    given(PRODUCTS, *facts).when(ROLL_BACK).stays_quiet()


CHANGES = (UpdateProduct(name="x"), ChangePrice.model_validate({"price": "1"}), ActivateProduct())


@pytest.mark.parametrize("command", CHANGES, ids=lambda command: type(command).__name__)
def test_an_unknown_or_rolled_back_product_does_not_change(command: Any) -> None:
    given(PRODUCTS).when(command).rejects("unknown_product")
    given(PRODUCTS, CREATED, ROLLED_BACK).when(command).rejects("product_rolled_back")
