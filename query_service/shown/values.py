"""What many answers are made of."""

from datetime import datetime
from typing import Annotated, TypedDict

from msgspec import Meta

Version = Annotated[int, Meta(ge=0, description="Of the stream; If-Match takes it as the ETag has it.")]
Instant = Annotated[datetime, Meta(description="RFC 3339, in UTC.")]
Status = Annotated[str, Meta(description="A word in capitals; new ones may come.", examples=["PAID"])]
PlainNumber = Annotated[
    float | None, Meta(description="A plain number for those who need one; null where several currencies are involved.")
]


class Amount(TypedDict):
    """Exact money: decimal text, and its ISO 4217 currency."""

    amount: Annotated[str, Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["99.98"])]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", examples=["EUR"])]
