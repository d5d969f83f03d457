"""The parameters that queries share, as the contract describes them."""

from common.contract.operations import Parameter, Schema
from common.read_models.order_shapes import STATUSES
from common.values import DEFAULT_CURRENCY

NUMBER: Schema = {"type": "integer", "minimum": 1, "maximum": 2**53 - 1}
INSTANT: Schema = {"type": "string", "format": "date-time"}
AMOUNT: Schema = {"type": "string", "examples": ["49.99"]}
CURRENCY_CODE: Schema = {"type": "string", "pattern": "^[A-Z]{3}$", "default": DEFAULT_CURRENCY}

CURRENCY = Parameter("currency", CURRENCY_CODE, "In this currency.")
ORDER_STATUS = Parameter("status", {"enum": list(STATUSES)}, "Orders of this status.")
