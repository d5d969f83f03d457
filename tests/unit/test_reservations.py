"""Reserving, releasing and committing stock: each command happens, is refused, stays quiet."""

from random import Random
from typing import Any
from uuid import UUID

import pytest

from command_service.domain.decider import Context
from command_service.domain.inventory import INVENTORY
from command_service.domain.inventory_commands import CommitStock, ReleaseStock, ReserveStock, UpdateInventory
from command_service.domain.inventory_state import Inventory
from command_service.handling import Request
from common.access.actors import ANYBODY
from common.errors import Refusal
from common.events.inventory import InventoryUpdated, LowStockDetected, StockCommitted, StockReleased, StockReserved
from common.values import Money
from tests.support.appending import Service, a_request
from tests.support.memory_log import MemoryLog, Store
from tests.support.rules import NOW, SUBJECT, given
from tests.support.virtual_time import virtually

virtual = virtually("common.group_commit")
PRICE = Money(amount=4999, currency="EUR")
STOCK = InventoryUpdated(product_id=456, product_name="Keyboard", quantity=10, unit_price=PRICE, low_stock_threshold=5)
FIRST, SECOND = str(UUID(int=1, version=5)), str(UUID(int=2, version=5))


def reserve(quantity: int, reservation_id: str = FIRST) -> ReserveStock:
    return ReserveStock(product_id=456, order_id=SUBJECT, reservation_id=reservation_id, quantity=quantity)


def reserved(quantity: int, reservation_id: str = FIRST) -> StockReserved:
    return StockReserved(
        product_id=456,
        order_id=SUBJECT,
        reservation_id=reservation_id,
        quantity=quantity,
        unit_price=PRICE,
        product_name="Keyboard",
    )


def release(reservation_id: str = FIRST, quantity: int | None = None) -> ReleaseStock:
    return ReleaseStock(product_id=456, order_id=SUBJECT, reservation_id=reservation_id, quantity=quantity)


def commit(reservation_id: str = FIRST) -> CommitStock:
    return CommitStock(product_id=456, order_id=SUBJECT, reservation_id=reservation_id)


def released(quantity: int) -> StockReleased:
    return StockReleased(product_id=456, order_id=SUBJECT, reservation_id=FIRST, quantity=quantity)


def committed(quantity: int) -> StockCommitted:
    return StockCommitted(product_id=456, order_id=SUBJECT, reservation_id=FIRST, quantity=quantity)


def update(quantity: int) -> UpdateInventory:
    return UpdateInventory(product_id=456, quantity=quantity)


def keyed(command: Any, key: str = "") -> Request:
    return a_request(
        command=command, decider=INVENTORY, subject="456", command_id=f"{command!r} {key}", fingerprint=repr(command)
    )


STOCK_IT = UpdateInventory(product_id=456, product_name="Keyboard", quantity=10, unit_price=PRICE)
OTHER = str(UUID(int=3, version=5))
INACTIVE = InventoryUpdated(product_id=456, status="INACTIVE")


def test_some_pieces_of_a_reservation_are_released_and_the_others_stay() -> None:
    given(INVENTORY, STOCK, reserved(4)).when(release(quantity=3)).then(released(3))
    given(INVENTORY, STOCK, reserved(4), released(3)).when(release()).then(released(1))
    given(INVENTORY, STOCK, reserved(4), released(3)).when(commit()).then(committed(1))
    given(INVENTORY, STOCK, reserved(4), released(3)).when(reserve(10, SECOND)).rejects("insufficient_stock")


def test_no_more_is_released_than_was_reserved() -> None:
    given(INVENTORY, STOCK, reserved(4)).when(release(quantity=9)).then(released(4))
    given(INVENTORY, STOCK, reserved(4), released(4)).when(release(quantity=1)).stays_quiet()


def test_stock_is_reserved_at_its_price() -> None:
    given(INVENTORY, STOCK).when(reserve(4)).then(reserved(4))


def test_reserving_down_to_the_threshold_is_detected_once() -> None:
    low = LowStockDetected(product_id=456, available=5, threshold=5)
    given(INVENTORY, STOCK).when(reserve(5)).then(reserved(5), low)
    given(INVENTORY, STOCK, reserved(5), low).when(reserve(1, SECOND)).then(reserved(1, SECOND))


def test_the_last_piece_is_reserved_once() -> None:
    given(INVENTORY, STOCK, reserved(9)).when(reserve(1, SECOND)).then(reserved(1, SECOND))
    given(INVENTORY, STOCK, reserved(10)).when(reserve(1, SECOND)).rejects("insufficient_stock")


def test_more_than_is_available_is_not_reserved() -> None:
    given(INVENTORY, STOCK).when(reserve(11)).rejects("insufficient_stock")
    with pytest.raises(Refusal, match="10 are available"):
        INVENTORY.decide(
            reserve(11),
            INVENTORY.evolve(Inventory(), STOCK),
            Context(subject="456", now=NOW, actor=ANYBODY),
        )


def test_a_product_nobody_knows_is_not_reserved() -> None:
    given(INVENTORY).when(reserve(1)).rejects("unknown_product")


def test_a_product_without_a_price_is_not_reserved() -> None:
    given(INVENTORY, STOCK.model_copy(update={"unit_price": None})).when(reserve(1)).rejects("no_price")


def test_an_open_reservation_is_not_made_again() -> None:
    given(INVENTORY, STOCK, reserved(10)).when(reserve(10)).stays_quiet()


def test_an_open_reservation_is_released() -> None:
    given(INVENTORY, STOCK, reserved(4)).when(release()).then(released(4))


def test_what_was_released_can_be_reserved_by_others() -> None:
    given(INVENTORY, STOCK, reserved(10), released(10)).when(reserve(4, SECOND)).then(reserved(4, SECOND))


def test_the_name_of_a_closed_reservation_is_free_again() -> None:
    given(INVENTORY, STOCK, reserved(4), released(4)).when(reserve(3)).then(reserved(3))
    given(INVENTORY, STOCK, reserved(2), committed(2)).when(reserve(1)).then(reserved(1))


@virtual
async def test_a_release_that_comes_again_late_leaves_the_next_reservation_of_this_name_alone() -> None:
    store = Store()
    service = Service(MemoryLog(store, random=Random(0)), store.info)
    for command in (STOCK_IT, reserve(4), release(), reserve(3).model_copy(update={"order_id": OTHER})):
        assert (await service.handle(keyed(command))).changed
    again = await service.handle(keyed(release()))
    assert (again.version, again.replayed) == (3, True)
    last = await service.handle(keyed(release(), "another key"))
    assert [event.data["quantity"] for event in last.events] == [3]
    await service.end()


def test_nothing_is_reserved_of_an_inactive_inventory() -> None:
    given(INVENTORY, STOCK, INACTIVE).when(reserve(1)).rejects("inventory_inactive")
    again = InventoryUpdated(product_id=456, status="ACTIVE")
    given(INVENTORY, STOCK, INACTIVE, again).when(reserve(4)).then(reserved(4))


def test_what_was_reserved_before_an_inventory_became_inactive_goes_on() -> None:
    given(INVENTORY, STOCK, reserved(4), INACTIVE).when(reserve(4)).stays_quiet()
    given(INVENTORY, STOCK, reserved(4), INACTIVE).when(commit()).then(committed(4))
    given(INVENTORY, STOCK, reserved(4), INACTIVE).when(release()).then(released(4))


def test_a_command_that_is_addressed_to_a_product_need_not_name_it() -> None:
    given(INVENTORY, STOCK).when(reserve(4).model_copy(update={"product_id": None})).then(reserved(4))


@pytest.mark.parametrize("command", [reserve(4), release(), commit()], ids=lambda it: type(it).__name__)
def test_a_command_that_names_another_product_is_refused(command: Any) -> None:
    given(INVENTORY, STOCK).when(command.model_copy(update={"product_id": 457})).rejects("another_product")


@pytest.mark.parametrize("facts", [(), (STOCK,), (STOCK, reserved(4), released(4)), (STOCK, reserved(4), committed(4))])
def test_what_is_not_reserved_is_released_quietly(facts: tuple[InventoryUpdated, ...]) -> None:
    given(INVENTORY, *facts).when(release()).stays_quiet()


def test_an_open_reservation_is_committed() -> None:
    given(INVENTORY, STOCK, reserved(4)).when(commit()).then(committed(4))


def test_what_was_committed_has_left_the_stock() -> None:
    given(INVENTORY, STOCK, reserved(4), committed(4)).when(update(6)).stays_quiet()
    given(INVENTORY, STOCK, reserved(4), committed(4)).when(reserve(7, SECOND)).rejects("insufficient_stock")


@pytest.mark.parametrize("facts", [(), (STOCK,), (STOCK, reserved(4), released(4)), (STOCK, reserved(4), committed(4))])
def test_what_is_not_reserved_is_not_committed(facts: tuple[InventoryUpdated, ...]) -> None:
    given(INVENTORY, *facts).when(commit()).rejects("unknown_reservation")


def test_a_stock_is_not_set_below_what_is_reserved() -> None:
    given(INVENTORY, STOCK, reserved(4)).when(update(3)).rejects("below_reserved")


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_asked_no_piece_is_promised_twice(seed: int) -> None:
    chance, state = Random(seed), INVENTORY.evolve(Inventory(), STOCK)
    for _ in range(300):
        reservation_id = str(UUID(int=chance.randrange(8), version=5))
        asked = chance.choice((reserve(chance.randint(1, 6), reservation_id), release(reservation_id)))
        asked = chance.choice((asked, commit(reservation_id), update(chance.randint(0, 15))))
        try:
            events = INVENTORY.decide(asked, state, Context(subject="456", now=NOW, actor=ANYBODY))
        except Refusal:
            continue
        for event in events:
            state = INVENTORY.evolve(state, event)
        assert 0 <= state.reserved == sum(state.reservations.values()) <= state.quantity
