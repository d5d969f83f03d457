"""Two looks become a sample: rates from what has grown, and null for what nobody could tell."""

from dataclasses import replace

import pytest

from monitor.numbers import Numbers
from monitor.sample import SHOWN, Sample
from monitor.sampling import sample
from monitor.scrape import Scrape
from tests.unit.monitor.scenes import NOW, a_queue, look, numbers, read, written


def taken(before: Scrape | None, now: Scrape) -> Sample:
    return sample(NOW, before, now)


def test_commands_are_counted_by_their_outcome() -> None:
    before = look(0, command=numbers(commands_total__done=10, commands_total__insufficient_stock=1))
    now = look(
        5,
        command=numbers(
            commands_total__done=30,
            commands_total__already_so=5,
            commands_total__insufficient_stock=11,
            commands_total__stale_version=2,
            commands_total__unavailable=50,
        ),
    )
    found = taken(before, now)
    assert (found.accepted, found.refused, found.conflicted) == (5.0, 2.0, 0.4)


def test_a_process_that_began_again_counts_from_0() -> None:
    before, now = numbers(projector_commits_total=1000), numbers(projector_commits_total=20)
    assert taken(look(0, projector=before), look(5, projector=now)).projected == 4.0


def test_processes_of_one_service_count_together_and_a_new_one_from_its_second_look_on() -> None:
    def of(*each: tuple[str, float | None], at: float) -> Scrape:
        processes = {name: None if count is None else numbers(projector_commits_total=count) for name, count in each}
        return Scrape(taken_at=at, services={"projector": processes})

    found = taken(of(("one", 10), ("two", None), at=0), of(("one", 20), ("two", 500), at=5))
    assert found.projected == 2.0
    assert taken(of(("one", 10), ("two", 0), at=0), of(("one", 20), ("two", 5), at=5)).projected == 3.0


def test_the_first_look_knows_no_rates() -> None:
    found = taken(None, look(5, command=numbers(commands_total__done=10), projector=numbers()))
    assert (found.accepted, found.projected, found.parked) == (None, None, 0)


def test_what_is_away_is_null_and_named() -> None:
    found = taken(look(0), look(5, command=None, projector=None, query=None, saga=None))
    assert found.away == ("command", "projector", "query", "saga")
    assert all(getattr(found, name) is None for name in SHOWN if name != "at")


def test_positions_tell_what_was_stored_and_published_and_who_is_behind() -> None:
    before = replace(look(0, command=numbers()), written=[written(100, 90)])
    now = replace(look(10, command=numbers()), written=[written(200, 190), written(198, 190)], read=[read(150)])
    found = taken(before, now)
    assert (found.stored, found.published) == (10.0, 10.0)
    assert (found.relay_lag, found.projection_lag) == (10, 50)
    assert found.has_log is True


def test_a_head_that_went_back_is_of_another_log() -> None:
    before = replace(look(0, command=numbers()), written=[written(100, 90)])
    assert taken(before, replace(look(5, command=numbers()), written=[written(3, 3)])).stored is None


def test_a_command_service_that_knows_no_position_has_no_log() -> None:
    assert taken(None, look(5, command=numbers())).has_log is False
    assert taken(None, look(5, command=None)).has_log is None


def test_percentiles_are_those_of_the_commits_in_between() -> None:
    def waits(*counts: float) -> Numbers:
        bounds = ("0.1", "1.0", "+Inf")
        name = "leveret_write_to_read_seconds_bucket"
        return {(name, frozenset({("le", bound)})): count for bound, count in zip(bounds, counts, strict=True)}

    found = taken(look(0, projector=waits(1000, 1000, 1000)), look(5, projector=waits(1010, 1020, 1020)))
    assert (found.write_to_read_p50_ms, found.write_to_read_p95_ms) == (100.0, 910.0)


def test_what_every_projector_counts_of_all_partitions_is_counted_once() -> None:
    each = {name: numbers(projector_parked_documents__orders=2, projector_lag_seconds=1.5) for name in ("one", "two")}
    found = taken(None, Scrape(taken_at=0, services={"projector": each}))
    assert (found.parked, found.projector_lag_ms) == (2, 1500.0)


def test_what_each_saga_process_counts_of_its_own_is_added() -> None:
    each = {name: numbers(sagas_stuck=1, saga_wants_open=3) for name in ("one", "two")}
    found = taken(None, Scrape(taken_at=0, services={"saga": each}))
    assert (found.sagas_stuck, found.sagas_open) == (2, 6)


def test_dead_commands_wait_for_nobody() -> None:
    queues = [a_queue("views.p0", 3, 10.0), a_queue("commands", 4), a_queue("commands.dead", 7)]
    found = taken(None, replace(look(0), queues=queues))
    assert (found.queue_messages, found.waiting_commands, found.dead_commands) == (7, 4, 7)
    assert (found.delivered, found.has_broker) == (10.0, True)


@pytest.mark.parametrize(("is_connected", "asks_broker", "has_broker"), [(True, True, True), (False, True, False)])
def test_a_broker_is_away_when_neither_it_nor_the_relay_tells_of_it(
    is_connected: bool, asks_broker: bool, has_broker: bool
) -> None:
    now = replace(look(0), written=[written(1, 1, is_connected=is_connected)], asks_broker=asks_broker)
    assert taken(None, now).has_broker is has_broker


def test_without_a_broker_nothing_is_said_of_it() -> None:
    found = taken(None, replace(look(0), written=[written(900, 0, is_connected=False)], asks_broker=False))
    assert (found.has_broker, found.relay_lag) == (None, None)


def test_failed_answers_are_those_that_clients_saw() -> None:
    quiet, failing = numbers(), numbers(http_requests_total__503=10, http_requests_total__200=7)
    assert taken(look(0, gateway=quiet, query=quiet), look(5, gateway=failing, query=failing)).failed == 2.0
    assert taken(look(0, query=quiet), look(5, query=failing)).failed == 2.0
