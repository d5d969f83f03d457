"""The sagas there are: one row for each."""

from typing import Any

from command_service.sagas.order_fulfilment import order_fulfilment
from command_service.sagas.product_onboarding import product_onboarding
from command_service.sagas.shapes import Saga
from common.config import Settings


def all_sagas(settings: Settings) -> tuple[Saga[Any], ...]:
    return (
        order_fulfilment(payment_seconds=settings.payment_seconds),
        product_onboarding(onboarding_seconds=settings.onboarding_seconds),
    )
