"""Every read model there is, and every summary they add to."""

from typing import Any

from common.read_models.inventory import INVENTORY, PRODUCT_DEMAND
from common.read_models.order_statistics import CANCELLATIONS, DAYS
from common.read_models.orders import ORDERS
from common.read_models.products import PRODUCTS
from common.read_models.shapes import ReadModel, Summary
from common.read_models.users import USER_PRODUCTS, USERS

READ_MODELS: tuple[ReadModel[Any], ...] = (ORDERS, INVENTORY, PRODUCTS)
SUMMARIES: tuple[Summary, ...] = (USERS, USER_PRODUCTS, DAYS, CANCELLATIONS, PRODUCT_DEMAND)
