"""The problems of rules: what the domain says no to, and what does not exist."""

from collections.abc import Mapping

from common.problems.problem import Problem

_UNKNOWN = {
    "unknown_order": Problem(
        (404,), "There is no such order", "Check the order_id; a new order is visible in a moment."
    ),
    "unknown_user": Problem((404,), "There is no such user", "A user is known from their first order on."),
    "unknown_product": Problem(
        (404, 422), "There is no such product", "Check the product_id; a new product is visible in a moment."
    ),
    "unknown_inventory": Problem((404,), "The product has no inventory", "Create its inventory first."),
    "unknown_payment": Problem(
        (404, 409),
        "There is no such payment, or another one is waited for",
        "Take the payment_id that the order shows.",
    ),
    "unknown_saga": Problem((404,), "There is no such saga", "Check its id; a saga begins a moment after its order."),
    "unknown_stream": Problem((404,), "There is no such stream", "Check its name; /cqrs/ops/events shows streams."),
    "unknown_version": Problem((404,), "The stream is not so long", "Ask for fewer commits, or for all of them."),
    "unknown_commit": Problem((404,), "The log has no such position", "Ask up to the head of /cqrs/ops/positions."),
    "unknown_correlation": Problem(
        (404,), "Nothing is known under this id", "Look for it with /cqrs/ops/events?correlation_id=, page by page."
    ),
    "unknown_command": Problem((404,), "There is no such command", "Take a routing key of /cqrs/asyncapi.json."),
    "unknown_projection": Problem((404,), "There is no such projection", "GET /cqrs/ops/projections lists them."),
    "unknown_document": Problem((404,), "There is no such document", "GET /cqrs/ops/parked lists what is parked."),
    "unknown_generation": Problem(
        (404,), "There is no such generation, or it is not ready", "GET /cqrs/ops/projections lists them."
    ),
    "unknown_process": Problem((404,), "The stack runs no such process", "GET /cqrs/ops/lab lists those that it runs."),
    "unknown_charge": Problem((404,), "The provider has no such charge", "Check the payment_id."),
    "unknown_reservation": Problem(
        (409,), "There is no such open reservation", "It was released or committed before, or never made."
    ),
}

_GENERATIONS = {
    "not_parked": Problem((409,), "This document is not parked", "GET /cqrs/ops/parked lists those that are."),
    "not_in_log": Problem((409,), "The log has no such commit", "Have the views made anew: `cqrs projections reset`."),
    "generation_is_shown": Problem((409,), "Queries show this generation", "Have another one shown first."),
    "not_comparable": Problem((409,), "The views cannot be compared now", "Ask again when a projector is ready."),
    "generation_of_another_log": Problem((409,), "The log is another one now", "Drop it, and build a new one."),
}

_ORDERS = {
    "order_not_pending": Problem((409,), "The order is not pending any more", "See its status; this comes too late."),
    "order_not_validated": Problem((409,), "The order is not validated yet", "Wait until its status is VALIDATED."),
    "order_validated": Problem((409,), "The order is validated already", "See its status; cancel it instead."),
    "order_not_paid": Problem((409,), "The order is not paid", "Pay it first."),
    "order_not_shipped": Problem((409,), "The order is not shipped", "Ship it first."),
    "order_not_delivered": Problem((409,), "The order is not delivered", "Deliver it first, or cancel it."),
    "order_not_over": Problem((409,), "The order is under way", "Cancel it, or let it end first."),
    "order_not_cancelled": Problem((409,), "The order is not cancelled", "See its status."),
    "order_shipped": Problem((409,), "The order has left the house", "After its delivery it can be refunded."),
    "order_completed": Problem((409,), "The order is completed", "It can be refunded, and not changed."),
    "order_rejected": Problem((409,), "The order was rejected", "See its reject_reason, and place a new one."),
    "order_cancelled": Problem((409,), "The order was cancelled or refunded", "Place a new one."),
    "order_too_large": Problem((409,), "The order would be too large", "Split it into several orders."),
    "order_would_be_empty": Problem((409,), "Nothing would be left of the order", "Cancel it instead."),
    "not_so_many": Problem((409,), "The order has fewer pieces", "Remove as many as it has, or leave quantity out."),
    "items_changed": Problem(
        (409,), "The items were changed meanwhile", "They are reserved anew; nothing is to be done."
    ),
    "status_not_settable": Problem((409,), "This status cannot be set", "It follows from what happens to the order."),
    "placed_in_the_future": Problem(
        (409,), "The order lies in the future", "Import orders that were placed before now."
    ),
    "mixed_currencies": Problem((409,), "The items have several currencies", "Order them one currency at a time."),
    "total_too_large": Problem((409,), "The total is too large", "Split the order into several."),
    "too_large": Problem((409,), "What this command causes is too large", "Ask for less at once."),
    "stale_version": Problem(
        (412,), "Somebody was faster", "Read it again, decide again, send the new ETag in If-Match."
    ),
}

_MONEY = {
    "already_paid": Problem((409,), "The order is paid already", "Nothing is to be paid; see its payment_info."),
    "payment_in_progress": Problem(
        (409,), "A payment has no outcome yet", "Wait for it; see the order's payment_info."
    ),
    "payment_not_captured": Problem((409,), "This payment did not pay the order", "Take the payment_id that it shows."),
    "wrong_amount": Problem((422,), "The amount is not the order's total", "Send the order's total, or no amount."),
    "nothing_paid": Problem((409,), "The order has paid nothing", "There is nothing to give back."),
    "more_than_paid": Problem((409,), "So much was not paid", "Ask for at most what the detail says."),
    "more_than_captured": Problem((409,), "So much was not captured", "Ask for at most what the detail says."),
    "refund_in_progress": Problem((409,), "A refund has no outcome yet", "Wait for it, then ask for the next one."),
    "refund_not_initiated": Problem((409,), "No refund was asked for", "Ask for the refund first."),
    "card_token_erased": Problem((409,), "The card is not known any more", "Pay again with a card token."),
    "another_payment": Problem((422,), "Path and body name different payments", "Leave payment_id out of the body."),
    "charge_differs": Problem((409,), "This payment_id has another amount", "Take a new payment_id for a new charge."),
    "not_captured": Problem((409,), "Nothing was captured", "There is nothing to give back."),
    "card_network_failed": Problem((500,), "The card's network has failed", "Send the same charge again."),
    "card_network_silent": Problem((503,), "The card's network does not answer", "Send the same charge again."),
    "payment_provider_unavailable": Problem((503,), "The payment provider cannot be reached", "It is asked again."),
    "books_closed": Problem((503,), "The provider's books cannot be used", "Send the same request again."),
}

_STOCK = {
    "insufficient_stock": Problem((409,), "There are too few pieces", "Order fewer, or wait until there are more."),
    "inventory_inactive": Problem((409,), "The inventory is inactive", "Set its status to ACTIVE first."),
    "no_price": Problem((409,), "The product has no price yet", "Set its unit_price first."),
    "below_reserved": Problem((409,), "More pieces are reserved", "Set a quantity of at least those, or release some."),
    "too_much_stock": Problem((409,), "The stock would be too large", "Keep it to a thousand million pieces."),
    "inventory_exists": Problem((409,), "The product has an inventory", "Update that one."),
    "stock_reserved": Problem((409,), "Pieces are reserved", "Release or commit them first."),
    "stock_sold": Problem((409,), "Pieces were sold", "An inventory that has sold stays."),
    "another_product": Problem((422,), "Path and body name different products", "Leave product_id out of the body."),
}

_PRODUCTS = {
    "product_exists": Problem((409,), "Another product has this id", "Update that one, or take another product_id."),
    "product_rolled_back": Problem((409,), "The product was rolled back", "That is for good; take another product_id."),
    "media_exists": Problem((409,), "The file is there, described differently", "Take it away first."),
    "too_many_media": Problem((409,), "There are too many files", "Take others away first."),
    "attribute_exists": Problem((409,), "The attribute has another value", "Roll the attributes back first."),
    "too_many_attributes": Problem((409,), "There are too many attributes", "A product has at most 100."),
}

RULES: Mapping[str, Problem] = _UNKNOWN | _GENERATIONS | _ORDERS | _MONEY | _STOCK | _PRODUCTS
