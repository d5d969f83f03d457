"""Who sends a command or asks a query, as rules and filters see them."""

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What somebody is to the shop; SYSTEM is the system itself, and in no token."""

    CUSTOMER = "customer"
    SUPPORT = "support"
    WAREHOUSE = "warehouse"
    ADMIN = "admin"
    SYSTEM = "system"


class Actor(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`name` stands in the log; `role` is None for who has not signed in; a customer has a `user_id`."""

    name: str
    role: Role | None = None
    user_id: int | None = None

    @property
    def sees_only_own(self) -> bool:
        return self.role not in SEE_EVERYBODY

    def is_kept_from(self, user_id: int | None) -> bool:
        """What belongs to this user is for this actor as if it were not there."""
        return self.sees_only_own and self.user_id != user_id


SEE_EVERYBODY = frozenset({Role.SUPPORT, Role.WAREHOUSE, Role.ADMIN, Role.SYSTEM})
NOBODY = Actor(name="anonymous")
"""Who has not signed in."""
ANYBODY = Actor(name="anonymous", role=Role.ADMIN)
"""Who everybody is while AUTH=off."""
