"""Which roles a route is for; a route without a policy does not exist (tests/architecture)."""

from dataclasses import dataclass

from common.access.actors import Actor, Role
from common.errors import Forbidden, Unauthenticated


@dataclass(frozen=True, slots=True)
class Policy:
    """The roles that may; None is for everybody, signed in or not.

    A customer may, where customers may, with what is theirs alone: the decider and the query's filter see to that.
    """

    name: str
    roles: frozenset[Role] | None

    def require(self, actor: Actor) -> None:
        """Raise Unauthenticated or Forbidden where this actor may not."""
        if self.roles is None or actor.role in self.roles:
            return
        if actor.role is None:
            raise Unauthenticated("missing_token", "Send Authorization: Bearer and a token.")
        raise Forbidden("forbidden", f"This is not for the role {actor.role}; it is for {self._who()}.")

    def _who(self) -> str:
        return " or ".join(sorted(self.roles or ()))


def invalid_token(detail: str) -> Unauthenticated:
    return Unauthenticated("invalid_token", detail)


def _for(name: str, *roles: Role) -> Policy:
    return Policy(name, frozenset(roles))


OPEN = Policy("open", None)
"""No token is looked at."""
KNOWN_IF_TOLD = Policy("known if told", None)
"""Nobody needs a token; one that is there must be good."""
CUSTOMERS = _for("customers", Role.CUSTOMER, Role.SUPPORT, Role.ADMIN)
"""Customers with what is theirs, and who helps them."""
READERS = _for("readers", Role.CUSTOMER, Role.SUPPORT, Role.WAREHOUSE, Role.ADMIN)
"""The same, and who packs what they ordered."""
SUPPORT = _for("support", Role.SUPPORT, Role.ADMIN)
WAREHOUSE = _for("warehouse", Role.WAREHOUSE, Role.ADMIN)
STAFF = _for("staff", Role.WAREHOUSE, Role.SUPPORT, Role.ADMIN)
ADMINS = _for("admins", Role.ADMIN)
