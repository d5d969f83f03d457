"""What onboarding a product wants, whatever is refused, late or withdrawn meanwhile (PROTOCOL S)."""

from datetime import timedelta

from command_service.sagas.product_onboarding import product_onboarding
from common.events.attributes import AttributesCreated, AttributesRolledBack
from common.events.inventory import InventoryCreated, InventoryMediaAttached, InventoryRolledBack, InventoryUpdated
from common.events.media import MediaCreated, MediaRolledBack
from common.events.products import (
    Onboarding,
    PlannedStock,
    PriceChanged,
    ProductActivated,
    ProductCreated,
    ProductRolledBack,
)
from common.product_values import Attribute, MediaFile
from common.values import Money
from tests.support.rules import NOW
from tests.support.saga_story import Story

SECONDS = 60.0
TOO_LATE = NOW + timedelta(seconds=SECONDS)
SAGA = product_onboarding(onboarding_seconds=SECONDS)
PRICE = Money(amount=4999, currency="EUR")
FRONT, BACK, SHELF = (
    MediaFile(bucket="shop", key=f"456/{name}.png", url=f"https://files.example.org/456/{name}.png", type="image")
    for name in ("front", "back", "shelf")
)
COLOUR = Attribute(key="colour", value="black")
CREATED = ProductCreated(
    product_id=456,
    name="Keyboard",
    price=PRICE,
    onboarding=Onboarding(
        inventory=PlannedStock(quantity=10, sku="KB-1"),
        media=(FRONT, BACK),
        inventory_media=(SHELF,),
        attributes=(COLOUR,),
    ),
)
BARE = ProductCreated(product_id=456, name="Keyboard", price=PRICE)
INVENTORY = InventoryCreated(product_id=456, product_name="Keyboard", quantity=10, low_stock_threshold=0)
FRONT_MADE, BACK_MADE = (MediaCreated(product_id=456, file=file) for file in (FRONT, BACK))
COLOURED = AttributesCreated(product_id=456, attributes=(COLOUR,))
SHELVED = InventoryMediaAttached(product_id=456, file=SHELF)
ACTIVATED = ProductActivated(product_id=456)
WITHDRAWN = ProductRolledBack(product_id=456, code="rolled_back", reason="a mistake")
UNDONE = {
    "undo/inventory": InventoryRolledBack(product_id=456),
    "undo/media/0": MediaRolledBack(product_id=456, bucket="shop", key=FRONT.key),
    "undo/media/1": MediaRolledBack(product_id=456, bucket="shop", key=BACK.key),
    "undo/attributes": AttributesRolledBack(product_id=456, keys=("colour",)),
    "roll_back": WITHDRAWN,
}


def created(event: ProductCreated = CREATED) -> Story:
    return Story(SAGA, "456", 456).happens(event)


def with_its_parts() -> Story:
    story = created().accepts(COLOURED, step="make/attributes").accepts(BACK_MADE, step="make/media/1")
    return story.accepts(INVENTORY, step="make/inventory").accepts(FRONT_MADE, step="make/media/0")


def active() -> Story:
    return with_its_parts().accepts(SHELVED).accepts(ACTIVATED).happens(ACTIVATED)


def undone(story: Story) -> list[str]:
    """Have everything undone that is wanted; the steps, in order."""
    steps = []
    while story.wants:
        steps.append(story.wants)
        story.accepts(*[UNDONE[story.wants]] if story.wants in UNDONE else [SHELVED])
    return steps


def test_what_belongs_to_a_product_is_made_side_by_side_then_files_of_the_inventory_then_it_is_offered() -> None:
    story = created()
    assert story.all_wants == ["make/inventory", "make/media/0", "make/media/1", "make/attributes"]
    story = with_its_parts()
    assert story.all_wants == ["make/inventory_media/0"]
    assert story.accepts(SHELVED).all_wants == ["activate"]
    assert story.accepts(ACTIVATED).happens(ACTIVATED).is_over


def test_the_commands_say_what_was_asked_for() -> None:
    bodies = {step.want.step: dict(step.want.body) for step in created().doc.open}
    assert bodies["make/inventory"] == {
        "product_name": "Keyboard",
        "unit_price": {"amount": "49.99", "currency": "EUR"},
        "quantity": 10,
        "sku": "KB-1",
    }
    assert bodies["make/media/0"] == {"bucket": "shop", "key": FRONT.key, "url": FRONT.url, "type": "image"}
    assert bodies["make/attributes"] == {"attributes": [{"key": "colour", "value": "black"}]}


def test_a_stock_without_a_name_of_its_own_takes_the_products() -> None:
    planned = Onboarding(inventory=PlannedStock(quantity=1))
    story = created(CREATED.model_copy(update={"sku": "KB", "onboarding": planned}))
    assert story.body()["sku"] == "KB"
    assert created(CREATED.model_copy(update={"sku": "KB"})).body()["sku"] == "KB-1"


def test_a_product_without_parts_is_offered_at_once() -> None:
    assert created(BARE).all_wants == ["activate"]


def test_when_one_part_is_refused_the_others_are_undone_in_reverse_and_then_the_product() -> None:
    story = created().accepts(INVENTORY, step="make/inventory").refuses("too_many_media", step="make/media/1")
    assert sorted(story.all_wants) == ["make/attributes", "make/media/0"]
    story.accepts(COLOURED, step="make/attributes").accepts(FRONT_MADE, step="make/media/0")
    assert undone(story) == ["undo/attributes", "undo/media/0", "undo/inventory", "roll_back"]
    assert story.happens(WITHDRAWN).is_over


def test_the_product_tells_why_it_was_withdrawn() -> None:
    story = created(BARE.model_copy(update={"onboarding": Onboarding(media=(FRONT,))}))
    story.refuses("media_exists", "It is there.")
    assert (story.wants, story.body()) == ("roll_back", {"code": "media_exists", "reason": "It is there."})


def test_what_was_there_before_is_not_undone() -> None:
    story = created().accepts(step="make/inventory").accepts(COLOURED, step="make/attributes")
    story.accepts(FRONT_MADE, step="make/media/0").refuses("too_many_media", step="make/media/1")
    assert undone(story) == ["undo/attributes", "undo/media/0", "roll_back"]


def test_S4_nothing_is_undone_while_something_is_still_on_its_way() -> None:
    story = created().refuses("too_many_media", step="make/media/1").accepts(INVENTORY, step="make/inventory")
    assert not [step for step in story.all_wants if step.startswith("undo")]


def test_what_is_not_made_in_time_is_undone_once_it_is_certain() -> None:
    story = created().accepts(INVENTORY, step="make/inventory").accepts(COLOURED, step="make/attributes")
    story.time_is(TOO_LATE)
    assert story.all_wants == ["make/media/0", "make/media/1"]
    story.accepts(FRONT_MADE, step="make/media/0").accepts(BACK_MADE, step="make/media/1")
    assert undone(story) == ["undo/attributes", "undo/media/1", "undo/media/0", "undo/inventory", "roll_back"]


def test_a_product_that_only_waits_for_being_offered_is_not_late() -> None:
    assert created(BARE).time_is(TOO_LATE).accepts(ACTIVATED).is_over


def test_a_product_that_is_withdrawn_gives_up_all_that_belongs_to_it() -> None:
    story = active().happens(WITHDRAWN)
    assert story.wants == "undo/inventory_media/0"
    assert undone(story)[1:] == ["undo/attributes", "undo/media/1", "undo/media/0", "undo/inventory"]
    assert story.is_over


def test_what_cannot_be_undone_is_for_a_person_to_look_at() -> None:
    story = active().happens(WITHDRAWN).accepts(SHELVED).accepts(UNDONE["undo/attributes"])
    story.accepts(UNDONE["undo/media/1"]).accepts(UNDONE["undo/media/0"]).refuses("inventory_in_use")
    assert "inventory_in_use" in (story.doc.trouble or "")


def test_a_withdrawal_may_overtake_the_offer() -> None:
    story = with_its_parts().accepts(SHELVED).refuses("product_rolled_back")
    assert undone(story)[0] == "undo/inventory_media/0"


def test_the_stock_follows_the_price() -> None:
    priced = PriceChanged(product_id=456, price=Money(amount=5999, currency="EUR"))
    story = active().happens(priced)
    assert (story.wants, story.body()["unit_price"]) == ("set_price", {"amount": "59.99", "currency": "EUR"})
    assert story.accepts(InventoryUpdated(product_id=456, unit_price=priced.price)).is_over
    assert story.happens(priced.model_copy(update={"price": PRICE})).wants == "set_price"


def test_a_price_that_changes_before_the_stock_is_there_is_set_after_it() -> None:
    story = created().happens(PriceChanged(product_id=456, price=Money(amount=5999, currency="EUR")))
    assert "set_price" not in story.all_wants
    story.accepts(COLOURED, step="make/attributes").accepts(BACK_MADE, step="make/media/1")
    story.accepts(INVENTORY, step="make/inventory").accepts(FRONT_MADE, step="make/media/0").accepts(SHELVED)
    assert story.accepts(ACTIVATED).wants == "set_price"


def test_a_price_without_a_stock_is_nobodys_trouble() -> None:
    story = created(BARE).accepts(ACTIVATED).happens(PriceChanged(product_id=456, price=PRICE))
    assert story.refuses("unknown_product").is_over
