"""What a stream has come to is told in plain values, without what is personal."""

from typing import Any

import orjson
import pytest

from command_service.aggregates import DECIDERS, _show, decider_of
from command_service.streams import Known
from common.errors import BadRequest
from tests.support.imagined_catalogue import ImaginedCatalogue
from tests.support.imagined_shop import ADDRESSES, ImaginedShop


def shown(stream: str, state: Any) -> Any:
    return orjson.loads(orjson.dumps(_show(stream, Known(state, 1, 1), None)))["state"]


@pytest.mark.parametrize("seed", range(3))
def test_every_state_that_rules_make_can_be_told(seed: int) -> None:
    shop, catalogue = ImaginedShop(seed), ImaginedCatalogue(seed)
    shop.trade(250)
    catalogue.change(250)
    states = shop._log.states | catalogue._log.states
    assert {stream.partition("-")[0] for stream in states} == {"order", "inventory", "product", "media", "attributes"}
    for stream, state in states.items():
        text = orjson.dumps(shown(stream, state)).decode()
        assert not [address.line1 for address in ADDRESSES if address.line1 in text]


def test_every_context_begins_with_a_state_that_can_be_told() -> None:
    for context, decider in DECIDERS.items():
        shown(f"{context}-1", decider.initial)
    assert DECIDERS.keys() >= {"order", "payment", "inventory", "product", "media", "attributes", "saga"}


@pytest.mark.parametrize("stream", ["", "order", "order-", "order-x", "customer-1", "inventory-0", "-1", "saga-"])
def test_what_is_no_stream_is_refused(stream: str) -> None:
    with pytest.raises(BadRequest):
        decider_of(stream)
