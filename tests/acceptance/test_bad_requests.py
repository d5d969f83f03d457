"""Headers, encodings and pieces of HTTP that are wrong, slow or endless: bounded, told, and nobody else notices."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from uuid import uuid4

import orjson
import pytest

from tests.support.bad_ids import (
    STRANGE_KEYS,
    UNREAD_ENCODINGS,
    WRONG_CORRELATION_IDS,
    WRONG_IF_MATCH,
    WRONG_KEYS,
    WRONG_TYPES,
)
from tests.support.door import Answer, Door, read_answer, require_problem, send, spell
from tests.support.system import until

BOMB_BYTES = 32 * 2**20
GROWTH_BYTES = 16 * 2**20  # what a bomb may cost a process
SLOW_SECONDS = 12.0  # a body that does not come is given up before that
CHUNKED = {"Transfer-Encoding": "chunked", "Content-Length": ""}
UNPARSEABLE = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "unknown version": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "unknown method": spell("BREW", "/cqrs/queries/health"),
    "no host": spell("GET", "/cqrs/queries/health", headers={"Host": ""}),
    "two hosts": b"GET /cqrs/queries/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two lengths": b"POST /cqrs/commands/orders HTTP/1.1\r\nHost: a\r\n"
    b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
    "length and chunked": spell("POST", "/cqrs/commands/orders", b"0\r\n\r\n", {"Transfer-Encoding": "chunked"}),
    "negative length": spell("POST", "/cqrs/commands/orders", b"{}", {"Content-Length": "-1"}),
    "length of words": spell("POST", "/cqrs/commands/orders", b"{}", {"Content-Length": "two"}),
    "length with sign": spell("POST", "/cqrs/commands/orders", b"{}", {"Content-Length": "+2"}),
    "unknown transfer": spell("POST", "/cqrs/commands/orders", b"{}", {**CHUNKED, "Transfer-Encoding": "xchunked"}),
    "bad chunk": spell("POST", "/cqrs/commands/orders", b"ZZ\r\n{}\r\n", CHUNKED),
    "two types": b"POST /cqrs/commands/orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
    "NUL in a header": spell("GET", "/cqrs/queries/health", headers={"X-A": "a\0b"}),
    "CR in a header": spell("POST", "/cqrs/commands/orders", b"{}", {"Idempotency-Key": "a\rb"}),
    "DEL in a header": spell("POST", "/cqrs/commands/orders", b"{}", {"Idempotency-Key": "a\x7fb"}),
    "folded header": spell("POST", "/cqrs/commands/orders", b"{}", {"Idempotency-Key": "a\r\n b"}),
    "space before colon": b"GET /cqrs/queries/health HTTP/1.1\r\nHost : a\r\n\r\n",
    "long header": spell("GET", "/cqrs/queries/health", headers={"X-A": "a" * 10_000}),
    "many headers": spell("GET", "/cqrs/queries/health", headers={f"X-{n}": "a" for n in range(3_000)}),
    "long path": spell("GET", "/cqrs/queries/orders/" + "a" * 10_240),
    "raw bytes in the path": spell("GET", b"/cqrs/queries/orders/\xff"),
    "unknown expectation": spell("POST", "/cqrs/commands/orders", b"{}", {"Expect": "a miracle"}),
}


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.mark.parametrize("content_type", WRONG_TYPES)
async def test_a_body_of_another_type_is_415(door: Door, content_type: str) -> None:
    async with door.nothing_written():
        answer = await door.post("orders", door.order(), {"Content-Type": content_type})
    require_problem(answer, 415, code="unsupported_media_type")


@pytest.mark.parametrize("key", WRONG_KEYS, ids=ascii)
async def test_a_wrong_idempotency_key_is_400(door: Door, key: str | bytes) -> None:
    async with door.nothing_written():
        answer = await door.post("orders", door.order(), {"Idempotency-Key": key})
    require_problem(answer, 400, code="invalid_idempotency_key")


async def test_two_idempotency_keys_are_400(door: Door) -> None:
    body = orjson.dumps(door.order())
    request = spell("POST", "/cqrs/commands/orders", body, {"Idempotency-Key": uuid4().hex})
    async with door.nothing_written():
        answer = await door.send(request.replace(b"Host:", b"Idempotency-Key: another\r\nHost:", 1))
    require_problem(answer, 400, code="repeated_header")


@pytest.mark.parametrize("key", STRANGE_KEYS)
async def test_a_strange_key_is_only_a_key(door: Door, key: str) -> None:
    before = await door.head()
    key = (uuid4().hex + key)[:255]
    answers = [await door.post("orders", door.order(), {"Idempotency-Key": key}) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert await door.head() == before + 1


@pytest.mark.parametrize("if_match", WRONG_IF_MATCH, ids=lambda value: ascii(value)[:20])
async def test_a_malformed_if_match_is_400(door: Door, if_match: str | bytes) -> None:
    order_id = (await door.place())["order_id"]
    async with door.nothing_written():
        answer = await door.post(f"orders/{order_id}/cancel", {}, {"If-Match": if_match})
    require_problem(answer, 400, code="invalid_if_match")


@pytest.mark.parametrize("if_match", ['W/"1-1"', '"8-8", "9-9"'])
async def test_an_if_match_that_cannot_match_changes_nothing(door: Door, if_match: str) -> None:
    """RFC 9110 13.1.1: a weak tag never matches; a list of stale tags neither."""
    order_id = (await door.place())["order_id"]
    async with door.nothing_written():
        answer = await door.post(f"orders/{order_id}/cancel", {}, {"If-Match": if_match})
    require_problem(answer, 400, 412)


@pytest.mark.parametrize("value", WRONG_CORRELATION_IDS, ids=ascii)
async def test_a_wrong_correlation_id_is_400(door: Door, value: str | bytes) -> None:
    async with door.nothing_written():
        answer = await door.post("orders", door.order(), {"X-Correlation-ID": value})
    require_problem(answer, 400, code="invalid_correlation_id")


@pytest.mark.parametrize(
    "value", ["x", "00-" + "0" * 400, "00-zz-zz-01", b"\xff", "00-<script>-01"], ids=lambda v: ascii(v)[:20]
)
async def test_a_wrong_traceparent_is_nobodys_business(door: Door, value: str | bytes) -> None:
    answer = await door.post("orders", b"{", {"traceparent": value})
    require_problem(answer, 400)
    assert len(answer.content["trace_id"]) == 32


async def test_headers_of_any_bytes_pass_through(door: Door) -> None:
    assert (await door.get("health", {"X-A": b"\xff\xfe", "Cookie": "a=\xe9", "User-Agent": "'; --"})).status == 200


async def test_a_header_for_this_hop_only_stays_here(door: Door) -> None:
    hops = {"Connection": "close, X-A", "X-A": "1", "TE": "trailers", "Keep-Alive": "timeout=9", "Upgrade": "h2c"}
    assert (await door.post("orders", door.order(), hops)).status == 201


@pytest.mark.parametrize("name", UNPARSEABLE)
async def test_what_is_not_http_is_told_and_reaches_nobody(door: Door, name: str) -> None:
    async with door.nothing_written():
        answer = await door.send(UNPARSEABLE[name])
    require_problem(answer, 400, 413, 414, 415, 417, 431, 501)


async def test_a_good_body_in_gzip_is_taken_or_refused_but_never_garbled(door: Door) -> None:
    packed = gzip.compress(orjson.dumps(door.order()))
    for service, path in (("gateway", "/cqrs/commands/orders"), ("command", "/commands/orders")):
        answer = await send(door.system.url(service), spell("POST", path, packed, {"Content-Encoding": "gzip"}))
        assert answer.status in (201, 415), (service, answer.body)


TORN_GZIP = gzip.compress(b"{" * 99, mtime=0)[:-9]  # without a time: it is part of the test's name


@pytest.mark.parametrize("service", ["gateway", "command"])
@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", b"not gzip"), ("gzip", TORN_GZIP), ("deflate", b"\xff\xff"), ("gzip, gzip", b"{}")],
)
async def test_a_body_that_cannot_be_unpacked_is_4xx(door: Door, service: str, encoding: str, body: bytes) -> None:
    path = "/cqrs/commands/orders" if service == "gateway" else "/commands/orders"
    async with door.nothing_written():
        answer = await send(door.system.url(service), spell("POST", path, body, {"Content-Encoding": encoding}))
    require_problem(answer, 400, 415)


@pytest.mark.parametrize("encoding", UNREAD_ENCODINGS)
async def test_an_encoding_that_nobody_reads_is_4xx(door: Door, encoding: str) -> None:
    """RFC 9110 8.4: 415 is meant for it."""
    async with door.nothing_written():
        answer = await door.post("orders", door.order(), {"Content-Encoding": encoding})
    require_problem(answer, 400, 415)


@pytest.mark.parametrize("service", ["gateway", "command"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_bomb_costs_no_memory(door: Door, service: str, encoding: str) -> None:
    pack = {"gzip": gzip.compress, "deflate": zlib.compress}[encoding]
    path = "/cqrs/commands/orders" if service == "gateway" else "/commands/orders"
    before = await door.metric(service, "process_resident_memory_bytes")
    async with door.nothing_written():
        bomb = spell("POST", path, pack(b" " * BOMB_BYTES), {"Content-Encoding": encoding})
        require_problem(await send(door.system.url(service), bomb), 413, 415)
    assert await door.metric(service, "process_resident_memory_bytes") < before + GROWTH_BYTES


@pytest.mark.parametrize("service", ["gateway", "command"])
async def test_an_endless_body_is_413(door: Door, service: str) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield chunk(b" " * 8192)

    path = "/cqrs/commands/orders" if service == "gateway" else "/commands/orders"
    before = await door.metric(service, "process_resident_memory_bytes")
    async with door.nothing_written():
        answer = await send(door.system.url(service), spell("POST", path, headers=CHUNKED), endless())
    require_problem(answer, 413, code="body_too_large")
    assert await door.metric(service, "process_resident_memory_bytes") < before + GROWTH_BYTES


async def test_a_body_in_small_chunks_is_a_body(door: Door) -> None:
    body = b"".join(chunk(bytes([byte])) for byte in orjson.dumps(door.order())) + b"0\r\n\r\n"
    assert (await door.send(spell("POST", "/cqrs/commands/orders", body, CHUNKED))).status == 201


async def test_bodies_that_do_not_come_hinder_nobody(door: Door) -> None:
    waiting = [asyncio.create_task(unfinished(door, b"{")) for _ in range(50)]
    try:
        async with asyncio.timeout(SLOW_SECONDS):
            for _ in range(10):
                await door.place()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_body_that_does_not_come_is_given_up(door: Door) -> None:
    broken = b"2\r\n{}\r\nQQ\r\n"
    async with door.nothing_written(), asyncio.timeout(SLOW_SECONDS):
        answers = await asyncio.gather(unfinished(door, b""), unfinished(door, broken))
    for answer in filter(None, answers):
        require_problem(answer, 400, 408)


async def unfinished(door: Door, rest: bytes) -> Answer | None:
    """Send a head, later the beginning of a body, and wait; None when the connection was closed without an answer."""
    address = door.system.gateway.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(spell("POST", "/cqrs/commands/orders", headers=CHUNKED))
        await door.head()
        writer.write(rest)
        return await read_answer(reader)
    except asyncio.IncompleteReadError:
        return None
    finally:
        writer.transport.abort()


async def test_a_client_that_leaves_is_not_an_error_of_ours(door: Door) -> None:
    before = await failures(door)
    finished = await door.metric("gateway", "leveret_http_seconds_count")
    for _ in range(3):
        leaving = asyncio.create_task(unfinished(door, b"1\r\n{\r\n"))
        await asyncio.wait((leaving,), timeout=0.1)
        leaving.cancel()

    async def has_noticed() -> bool:
        return await door.metric("gateway", "leveret_http_seconds_count") >= finished + 6  # and three looks at the head

    await until(has_noticed, seconds=10, what="the gateway has noticed that they left")
    assert await failures(door) == before


async def failures(door: Door) -> tuple[float, ...]:
    """What the gateway has counted as faults of its own, and how many it has logged."""
    counted = 'leveret_http_requests_total{route="%s",status="500"}'
    metrics = [await door.metric("gateway", counted % route) for route in ("/cqrs/commands/{path}", "malformed")]
    log = (door.system.folder / "gateway.log").read_text(errors="replace")
    return (*metrics, log.count("request_failed"))
