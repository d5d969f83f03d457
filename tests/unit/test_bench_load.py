"""The load generator against an imagined server: parsing, pacing, counting."""

import asyncio
from time import perf_counter

import pytest

from bench.http_client import Answer, Connection, content_length, get_request, post_request
from bench.imports import write_purchases
from bench.load import Generator, Load, Outcome
from bench.orders import USERS, order_bodies


class Wire(asyncio.Transport):
    """Remembers what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))


def asked() -> tuple[Connection, list[Answer]]:
    """A connection with one request out, and the answers it told."""
    connection, answers = Connection(), []
    connection.connection_made(Wire())
    connection.send(b"GET / HTTP/1.1\r\n\r\n", lambda _, answer: answers.append(answer), 7.0)
    return connection, answers


WHOLE = b'HTTP/1.1 201 Created\r\nContent-Type: a/b\r\nContent-Length: 7\r\n\r\n{"a":1}'


def test_an_answer_is_told_with_status_body_and_start():
    connection, answers = asked()
    connection.data_received(WHOLE)
    assert answers == [(201, b'{"a":1}', 7.0)]


@pytest.mark.parametrize("cut", range(1, len(WHOLE)))
def test_an_answer_in_two_pieces_is_told_once(cut: int):
    connection, answers = asked()
    connection.data_received(WHOLE[:cut])
    assert answers == []
    connection.data_received(WHOLE[cut:])
    assert answers == [(201, b'{"a":1}', 7.0)]


def test_a_lost_connection_answers_the_request_that_is_out_with_status_0():
    connection, answers = asked()
    connection.connection_lost(None)
    assert answers == [(0, b"", 7.0)]
    assert connection.is_lost


def test_a_connection_lost_with_nothing_out_tells_nobody():
    connection, answers = asked()
    connection.data_received(WHOLE)
    connection.connection_lost(None)
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 12", 12),
        (b"HTTP/1.1 200 OK\r\ncontent-length:3\r\nA: b", 3),
        (b"HTTP/1.1 204", 0),
    ],
)
def test_the_length_is_read_in_any_case_and_place(head: bytes, length: int):
    assert content_length(head) == length


def test_requests_are_complete():
    post = post_request(8010, "/x", b"{}")
    assert post.startswith(b"POST /x HTTP/1.1\r\nHost: 127.0.0.1:8010\r\n")
    assert post.endswith(b"Content-Length: 2\r\n\r\n{}")
    assert b"Consistency-Token: t1\r\n\r\n" in get_request(8011, "/y", token="t1")
    assert b"Consistency-Token" not in get_request(8011, "/y")


def test_only_answers_other_than_2xx_are_errors():
    outcome = Outcome(seconds=2, answered=10)
    outcome.statuses.update({200: 5, 201: 5, 503: 2, 0: 1})
    assert (outcome.errors, outcome.rate) == (3, 5.0)


def test_a_read_that_is_told_to_wait_is_no_error():
    outcome = Outcome(seconds=1)
    outcome.statuses.update({201: 5, 503: 2})
    outcome.read_statuses.update({200: 5, 503: 7, 404: 1})
    assert outcome.errors_by_kind == {"POST 503": 2, "GET 404": 1}


def test_each_user_orders_in_turn_and_the_turns_repeat():
    bodies = order_bodies()
    assert len(set(bodies)) == USERS >= 1000
    assert bodies == order_bodies()
    assert not set(bodies) & set(order_bodies(first_user_id=USERS + 1))


def test_made_up_purchases_are_the_same_every_time(tmp_path):
    first, second = tmp_path / "1", tmp_path / "2"
    write_purchases(first, 50)
    write_purchases(second, 50)
    assert first.read_bytes() == second.read_bytes()
    heading, *lines = first.read_text().splitlines()
    assert heading.split() == ["customer_id", "date", "number_of_cds", "dollar_value"]
    assert len(lines) == 50
    assert all(len(line.split()) == 4 for line in lines)


def test_a_load_is_closed_unless_it_has_a_rate():
    assert Load(port=1, requests=(b"",), seconds=1).rate is None


class PromptServer(Wire):
    """Answers whatever is written at once."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.connection = connection

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.connection.data_received(WHOLE)


async def test_latency_counts_from_the_moment_a_request_was_due():
    generator = Generator(Load(port=1, requests=(b"",), seconds=0.2, warm_up_seconds=0, rate=100))
    connection = Connection()
    connection.connection_made(PromptServer(connection))
    generator.free = [connection]
    started = perf_counter() - 0.1  # the generator wakes up when ten requests are due
    generator.counts_from, generator.counts_until = started, started + 0.2
    await generator.pace(started, rate=100)
    latency = generator.outcome.latencies.latency()
    assert latency.worst >= 100
    assert latency.count == pytest.approx(20, abs=1)
