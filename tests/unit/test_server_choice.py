"""Where the tests' servers come from: a URL that is given, else this machine, else Docker."""

from pathlib import Path

import pytest

from stack import docker, sources
from stack.docker import Image
from stack.errors import ServerMissing
from tests.support.broker import Broker
from tests.support.servers import given_rabbitmq, mongodb_source, rabbitmq_source, shared_mongodb

HERE = Path("/here")
DOCKER = {"TEST_SERVERS": "docker"}


@pytest.fixture
def servers_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "find_mongod", lambda: HERE)
    monkeypatch.setattr(sources, "find_rabbitmq", lambda: HERE)


@pytest.fixture
def no_servers_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Path:
        raise ServerMissing("none")

    monkeypatch.setattr(sources, "find_mongod", missing)
    monkeypatch.setattr(sources, "find_rabbitmq", missing)


@pytest.mark.usefixtures("servers_here")
async def test_a_given_url_comes_first() -> None:
    async with shared_mongodb(HERE, DOCKER | {"TEST_MONGODB_URL": "mongodb://there"}) as url:
        assert url == "mongodb://there"


@pytest.mark.usefixtures("servers_here")
def test_what_this_machine_has_comes_before_docker() -> None:
    assert (mongodb_source({}), rabbitmq_source({})) == (HERE, HERE)


@pytest.mark.usefixtures("servers_here")
def test_docker_is_taken_when_it_is_asked_for() -> None:
    assert (mongodb_source(DOCKER), rabbitmq_source(DOCKER)) == (Image("mongo:8"), Image("rabbitmq:4-management"))


@pytest.mark.usefixtures("no_servers_here")
def test_docker_is_taken_when_this_machine_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "is_usable", lambda: True)
    image = {"TEST_RABBITMQ_IMAGE": "rabbitmq:3.10-management"}
    assert (mongodb_source({}), rabbitmq_source(image)) == (Image("mongo:8"), Image("rabbitmq:3.10-management"))


@pytest.mark.usefixtures("no_servers_here")
def test_without_docker_too_one_sentence_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "is_usable", lambda: False)
    with pytest.raises(ServerMissing, match="install MongoDB"):
        mongodb_source({})
    with pytest.raises(ServerMissing, match="apt-get install rabbitmq-server"):
        rabbitmq_source({})


def test_a_misspelt_wish_is_refused() -> None:
    with pytest.raises(ValueError, match="dokcer"):
        mongodb_source({"TEST_SERVERS": "dokcer"})


def test_a_given_rabbitmqs_pages_are_on_its_host_unless_said_otherwise() -> None:
    given = {"TEST_RABBITMQ_URL": "amqp://a:b@there:5671/host"}
    assert given_rabbitmq(given) == Broker(url="amqp://a:b@there:5671/", management_url="http://there:15672")
    pages = {"TEST_RABBITMQ_MANAGEMENT_URL": "https://pages/"}
    assert given_rabbitmq(given | pages) == Broker(url="amqp://a:b@there:5671/", management_url="https://pages")
    assert given_rabbitmq({}) is None
