"""How a service's health is told, as every service here tells it."""

from typing import Literal, TypedDict

from common.access.policies import OPEN
from common.contract.operations import Operation, json_reply
from common.contract.schemas import Schemas, reference, schemas_of_answers


class Health(TypedDict):
    """`checks` has what the service needs: name → whether it is there."""

    status: Literal["healthy", "unhealthy"]
    service: str
    checks: dict[str, bool]


def health_operation(side: str) -> Operation:
    return Operation(
        method="GET",
        path=f"/{side}/health",
        name=f"Get{side.title()}Health",
        tag="operations",
        summary=f"Whether {side} can be taken",
        policy=OPEN,
        replies={
            200: json_reply("All is well.", reference("Health")),
            503: json_reply("Something is away.", reference("Health")),
        },
    )


def health_schemas() -> Schemas:
    return schemas_of_answers([Health])[1]
