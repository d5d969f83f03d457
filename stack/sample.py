"""The one product a new stack has in stock, so that the first curl of the README works.

`python -m stack.sample http://127.0.0.1:8000` puts it in stock through that gateway.
"""

import asyncio
import sys
import time

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
PATIENCE_SECONDS = 60.0  # for a gateway that has just been started
RETRY_SECONDS = 0.5


async def stock_sample(gateway_url: str, token: str | None = None) -> str | None:
    """Put the product in stock; return what is to be told when that failed."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    headers = {"Idempotency-Key": KEY} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(f"{gateway_url}/cqrs/commands/inventory", json=PRODUCT, headers=headers) as answer,
        ):
            if answer.ok:
                return None
            return f"the sample product is not in stock: HTTP {answer.status} {(await answer.text())[:200]}"
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"the sample product is not in stock: {error or 'no answer in time'}"


async def _stock_in_time(gateway_url: str) -> str | None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        trouble = await stock_sample(gateway_url)
        if trouble is None or time.monotonic() > deadline:
            return trouble
        await asyncio.sleep(RETRY_SECONDS)


if __name__ == "__main__":
    sys.exit(asyncio.run(_stock_in_time(sys.argv[1])))
