"""The clusters of docker-compose.cluster.yml: who is in them, how they find each other, and who may reach them."""

import re
from pathlib import Path

import pytest

from common.addresses import each_address

ROOT = Path(__file__).parents[2]
CLUSTER = (ROOT / "docker-compose.cluster.yml").read_text()
ALONE = (ROOT / "docker-compose.yml").read_text()
SERVICE = re.compile(r"^  ([a-z_0-9]+):$", re.MULTILINE)
REPLICAS = {"cqrs_command": 2, "cqrs_query": 2, "cqrs_projector": 3, "cqrs_saga": 2}


def services(text: str) -> dict[str, str]:
    """Name → its lines."""
    _, *parts = SERVICE.split(text.partition("\nservices:\n")[2].partition("\nvolumes:\n")[0])
    return dict(zip(parts[::2], parts[1::2], strict=True))


def setting(name: str) -> str:
    found = re.search(rf"^  {name}: (?:>-\n *)?(.+)$", CLUSTER, re.MULTILINE)
    assert found, name
    return found[1]


def test_it_runs_what_the_small_one_runs() -> None:
    ours = {name for name in services(ALONE) if name.startswith("cqrs_")} - {"cqrs_sample"}
    assert ours <= services(CLUSTER).keys()


@pytest.mark.parametrize("service", REPLICAS)
def test_there_are_several_of_what_may_be_several(service: str) -> None:
    assert f"deploy: {{replicas: {REPLICAS[service]}}}" in services(CLUSTER)[service]
    assert "ports:" not in services(CLUSTER)[service]


@pytest.mark.parametrize(("server", "variable"), [("mongodb", "EVENTS_MONGODB_URL"), ("rabbitmq", "AMQP_URL")])
def test_every_service_knows_all_nodes(server: str, variable: str) -> None:
    nodes = {name for name in services(CLUSTER) if name.startswith(server)}
    assert len(nodes) == 3
    assert set(re.findall(rf"{server}\d", setting(variable))) == nodes


def test_the_broker_is_named_node_by_node() -> None:
    assert len(each_address(setting("AMQP_URL"))) == 3


def test_the_nodes_are_those_that_the_clusters_are_made_of() -> None:
    assert set(re.findall(r"= rabbit@(\w+)", CLUSTER)) == {f"rabbitmq{n}" for n in (1, 2, 3)}
    assert re.findall(r'"(mongodb\d):27017"', CLUSTER) == ["mongodb1", "mongodb2", "mongodb3"]


def test_one_member_makes_the_set() -> None:
    assert [name for name, lines in services(CLUSTER).items() if "INITIATES:" in lines] == ["mongodb1"]


def test_what_is_cut_off_from_the_others_pauses() -> None:
    assert "cluster_partition_handling = pause_minority" in CLUSTER


def test_every_port_is_published_on_loopback_only() -> None:
    published = re.findall(r"ports: (.*)", CLUSTER)
    assert published
    assert [ports for ports in published if not re.fullmatch(r'\["127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+"\]', ports)] == []
