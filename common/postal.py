"""Where a parcel goes."""

from typing import Annotated

from iso3166 import countries_by_alpha2
from pydantic import AfterValidator, Field

from common.values import Message, Name, clean_text


def _known_country(code: str) -> str:
    if code not in countries_by_alpha2:
        raise ValueError("the country is not one of ISO 3166's two-letter codes, in capitals")
    return code


Country = Annotated[str, AfterValidator(_known_country)]
"""ISO 3166-1 alpha-2, like `DE`."""
AddressLine = Annotated[str, AfterValidator(clean_text), Field(max_length=200)]
PostalCode = Annotated[str, Field(pattern=r"^[0-9A-Za-z](?:[0-9A-Za-z -]{0,18}[0-9A-Za-z])?$")]
"""1 to 20 letters and digits, with blanks or hyphens in between; not every country has one."""


class Address(Message):
    """A postal address; `recipient` where it is not the customer."""

    recipient: Name | None = None
    line1: AddressLine
    line2: AddressLine | None = None
    postal_code: PostalCode | None = None
    city: AddressLine
    region: AddressLine | None = None
    country: Country
