"""What `cqrs doctor` makes of the facts: each rule says ok, and says what is wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.doctor.checks import CHECKS, examine
from cli.doctor.command import is_well, verdict
from cli.doctor.facts import Behind, Broker, Certificate, Data, Facts, Machine, Queue, Server, Service
from cli.doctor.rules.messaging import wanted_queues
from common.config import PUBLIC_MESSAGE_KEY, Settings

NOW = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
SERVER = {"version": "6.0.5", "replica_set": "rs0", "is_writable": True, "majority_is_durable": True}
LEVEL = Behind()
DATA: dict[str, Any] = {
    "log_id": "a-log",
    "partitions": 2,
    "head": 7,
    "missing_indexes": (),
    "relay": LEVEL,
    "views": LEVEL,
    "sagas": LEVEL,
    "parked": {"orders": 0},
    "differences": 0,
    "stuck": 0,
}
BROKER: dict[str, Any] = {
    "version": "3.10.8",
    "queues": {name: Queue(kind="quorum", messages=0) for name in wanted_queues(2)},
    "exchanges": frozenset({"domain.events", "domain.commands"}),
    "bindings": frozenset(
        {("domain.events", f"{g}.p{p}", f"p{p}.#") for g in ("views", "sagas") for p in (0, 1)}
        | {("domain.commands", "commands", "*.*")}
    ),
}


def settings(**of: Any) -> Settings:
    return Settings(**{"auth": "off", "message_key": "a key of our own", **of})


def the_facts(**of: Any) -> Facts:
    healthy: dict[str, Any] = {
        "at": NOW,
        "settings": settings(),
        "machine": Machine(python=(3, 11), folder=".leveret", free_megabytes=9_000),
        "events": Server(**SERVER),
        "views": Server(**SERVER),
        "broker": Broker(**BROKER),
        "services": (
            Service(name="gateway", url="http://x", version="1"),
            Service(name="query", url="http://y", version="1"),
        ),
        "data": Data(**DATA),
    }
    return Facts(**{**healthy, **of})


def server(**of: Any) -> Facts:
    return the_facts(events=Server(**{**SERVER, **of}))


def broker(**of: Any) -> Facts:
    return the_facts(broker=Broker(**{**BROKER, **of}))


def data(**of: Any) -> Facts:
    return the_facts(data=Data(**{**DATA, **of}))


def machine(**of: Any) -> Facts:
    return the_facts(machine=Machine(**{"python": (3, 11), "folder": "x", "free_megabytes": 9_000, **of}))


def set_so(**of: Any) -> Facts:
    return the_facts(settings=settings(**of))


def certified(days: int) -> Facts:
    return the_facts(certificate=Certificate(path="x.pem", until=NOW + timedelta(days=days)))


OPEN = {"bind_host": "0.0.0.0"}
OTHER_QUEUES = {**BROKER["queues"], "views.p0": Queue(kind="classic", messages=0)}
DEAD = {**BROKER["queues"], "commands.dead": Queue(kind="quorum", messages=3)}
WRONG: dict[str, tuple[str, Facts, str]] = {
    "an old Python": ("python", machine(python=(3, 10)), "3.10"),
    "a full disk": ("disk", machine(free_megabytes=100), "100 MB"),
    "a MongoDB that is away": ("log server", the_facts(events=Server(trouble="nobody answers")), "nobody answers"),
    "a MongoDB that is no replica set": ("log server", server(replica_set=None), "no replica set"),
    "no primary": ("log server", server(is_writable=False), "no primary"),
    "an old MongoDB": ("log server", server(version="5.0.9"), "5.0.9"),
    "a majority without journals": ("durability", server(majority_is_durable=False), "in no journal"),
    "a clock that is ahead": ("clocks", server(clock_ahead_seconds=9.0), "9.0 s ahead of"),
    "a clock that is behind": ("clocks", server(clock_ahead_seconds=-9.0), "9.0 s behind"),
    "missing indexes": ("indexes", data(missing_indexes=("index a", "index b")), "index a and 1 more are"),
    "a RabbitMQ that is away": ("broker", the_facts(broker=Broker(trouble="cannot be reached")), "cannot be reached"),
    "an old RabbitMQ": ("broker", broker(version="3.8.9"), "3.8.9"),
    "an alarm": ("alarms", broker(alarms=("its disk is full",)), "its disk is full"),
    "a queue that is missing": ("queues", broker(queues={}), "are missing"),
    "a queue of another kind": ("queues", broker(queues=OTHER_QUEUES), "views.p0 is no quorum queue"),
    "an exchange that is missing": ("bindings", broker(exchanges=frozenset({"domain.events"})), "domain.commands"),
    "a binding that is missing": ("bindings", broker(bindings=frozenset()), "not bound"),
    "dead commands": ("dead letters", broker(queues=DEAD), "3 commands"),
    "a service that is away": (
        "services",
        the_facts(services=(Service(name="query", url="u", trouble="gone"),)),
        "gone",
    ),
    "a service that is not ready": (
        "services",
        the_facts(services=(Service(name="query", url="u", unready=("views",)),)),
        "lacks views",
    ),
    "another log": ("one log", data(views=Behind(foreign=(1,))), "partition 1"),
    "a late relay": ("relay", data(relay=Behind(commits=5, seconds=60)), "5 commits behind"),
    "late views": ("views", data(views=Behind(commits=5, seconds=60)), "5 commits behind"),
    "late sagas": ("sagas", data(sagas=Behind(commits=5, seconds=60)), "5 commits behind"),
    "parked documents": ("parked", data(parked={"orders": 2}), "2 of orders"),
    "stuck sagas": ("stuck", data(stuck=2), "2 sagas"),
    "differences": ("differences", data(differences=2), "2 documents"),
    "no auth for everybody": ("door", set_so(**OPEN), "0.0.0.0"),
    "the public key for everybody": ("message key", set_so(message_key=PUBLIC_MESSAGE_KEY, **OPEN), "0.0.0.0"),
    "auth without keys": ("token keys", set_so(auth="on"), "AUTH_KEYS is empty"),
    "keys that cannot be read": ("token keys", the_facts(keys_trouble="it is no JWKS"), "no JWKS"),
    "a certificate that ran out": ("certificate", certified(-1), "ran out on 2026-01-30"),
    "a certificate that is none": ("certificate", the_facts(certificate=Certificate(path="x", trouble="torn")), "torn"),
}
LOOKS: dict[str, tuple[str, Facts]] = {
    "little room": ("disk", machine(free_megabytes=1_000)),
    "no broker": ("broker", the_facts(broker=None)),
    "two versions": ("versions", the_facts(services=tuple(Service(name=v, url="u", version=v) for v in "12"))),
    "views that are a little late": ("views", data(views=Behind(commits=5, seconds=4))),
    "no auth in a container": ("door", set_so(insecure_dev=True, **OPEN)),
    "a certificate that runs out soon": ("certificate", certified(10)),
    "plain HTTP for others": ("certificate", the_facts(settings=settings(auth="on", **OPEN), keys_trouble="")),
    "nothing is verified": ("verifying", set_so(verify_seconds=0)),
}


def test_all_is_ok_where_nothing_is_wrong() -> None:
    found = examine(the_facts())
    assert {name: finding for name, finding in found.items() if finding.verdict != "ok"} == {}
    assert verdict(found) == f"nothing is wrong ({len(CHECKS)} checks)"


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_an_advice(name: str) -> None:
    check, facts, said = WRONG[name]
    found = examine(facts)
    assert found[check].verdict == "wrong"
    assert said in found[check].sentence
    assert found[check].advice.endswith((".", "`", "?", "python3"))
    assert not is_well(found)


@pytest.mark.parametrize("name", LOOKS)
def test_what_may_be_meant_so_wants_a_look_and_is_no_fault(name: str) -> None:
    check, facts = LOOKS[name]
    found = examine(facts)
    assert found[check].verdict == "look"
    assert found[check].advice
    assert is_well(found)
    assert " a look" in verdict(found)


def test_every_check_can_fail_or_want_a_look() -> None:
    assert {check for check, *_ in WRONG.values()} | {check for check, _ in LOOKS.values()} >= CHECKS.keys() - {
        "views server"
    }


def test_what_cannot_be_asked_is_no_fault_of_its_own() -> None:
    found = examine(the_facts(data=None, broker=Broker(version="3.10.8", unasked="its address is not known")))
    assert is_well(found)
    assert {found[name].verdict for name in ("alarms", "queues", "relay", "views", "parked")} == {"unknown"}


def test_what_an_account_may_not_read_is_no_fault() -> None:
    assert examine(data(stuck=None))["stuck"].verdict == "unknown"


def test_a_moment_of_lag_is_no_fault() -> None:
    assert examine(data(views=Behind(commits=5, seconds=0.1)))["views"].verdict == "ok"
