"""Every read model there is, and every summary they add to."""

from typing import Any

from common.read_models.generations import Places, places_of
from common.read_models.inventory import INVENTORY
from common.read_models.orders import ORDERS
from common.read_models.products import PRODUCTS
from common.read_models.shapes import ReadModel, Summary

READ_MODELS: tuple[ReadModel[Any], ...] = (ORDERS, INVENTORY, PRODUCTS)
SUMMARIES: tuple[Summary, ...] = tuple(summary for model in READ_MODELS for summary in model.summaries)
IN_THE_FIRST: Places = places_of(READ_MODELS, {})
"""Where everything stands as long as nothing was built beside it."""
