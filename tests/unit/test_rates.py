"""How often somebody may ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.access.limits import network_of
from common.access.rates import Rate, Rates
from common.errors import TooManyRequests
from tests.support.clock import Clock

RATE = Rate(per_second=10.0, burst=5)


def test_a_burst_is_allowed_and_not_one_more() -> None:
    rates = Rates(RATE, clock=Clock(100.0))
    assert [rates.take("ada").left for _ in range(RATE.burst)] == [4, 3, 2, 1, 0]
    with pytest.raises(TooManyRequests) as error:
        rates.take("ada")
    assert error.value.retry_after_seconds == 1
    assert rates.take("bob").left == 4


def test_what_is_refused_is_not_counted_and_time_makes_up_for_what_was_taken() -> None:
    clock = Clock(100.0)
    rates = Rates(RATE, clock=clock)
    for _ in range(RATE.burst):
        rates.take("ada")
    for _ in range(100):
        with pytest.raises(TooManyRequests):
            rates.take("ada")
    clock.now += 0.1
    assert rates.take("ada").left == 0
    clock.now += 60
    assert rates.take("ada").left == 4


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, ""),
    ],
)
def test_the_many_addresses_of_one_host_are_one(address: str | None, network: str) -> None:
    assert network_of(address) == network


@given(st.lists(st.floats(min_value=0, max_value=0.5), max_size=200))
def test_in_any_stretch_of_time_no_more_than_the_burst_and_the_rate_is_let_through(pauses: list[float]) -> None:
    clock, taken = Clock(100.0), list[float]()
    rates = Rates(RATE, clock=clock)
    for pause in pauses:
        clock.now += pause
        try:
            rates.take("ada")
        except TooManyRequests:
            continue
        taken.append(clock.now)
    for first, begin in enumerate(taken):
        for count, end in enumerate(taken[first:], 1):
            assert count <= RATE.burst + (end - begin) * RATE.per_second + 1e-6
