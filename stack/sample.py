"""The one product a new stack has in stock, so that the first curl of the README works."""

import aiohttp

KEY = "sample-456"  # the same command however often it is sent: later changes of the stock stay
PRODUCT = {
    "product_id": 456,
    "product_name": "Keyboard",
    "quantity": 100,
    "unit_price": "49.99",
    "low_stock_threshold": 5,
}
TIMEOUT_SECONDS = 10.0


async def stock_sample(gateway_url: str) -> str | None:
    """Put the product in stock; return what is to be told when that failed."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(
                f"{gateway_url}/cqrs/commands/inventory", json=PRODUCT, headers={"Idempotency-Key": KEY}
            ) as answer,
        ):
            if answer.ok:
                return None
            return f"the sample product is not in stock: HTTP {answer.status} {(await answer.text())[:200]}"
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"the sample product is not in stock: {error or 'no answer in time'}"
