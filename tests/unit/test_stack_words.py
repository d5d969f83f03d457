"""What the stack shows: the box, the trouble of the servers, and where to get them."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from stack import docker, sources
from stack.box import box
from stack.errors import ServerMissing
from stack.output import mongodb_trouble, rabbitmq_trouble
from stack.run import Ready


def shown(**addresses: str | None) -> str:
    urls = {
        "gateway": "http://127.0.0.1:8000",
        "command": None,
        "query": None,
        "payments": None,
        "management": None,
        "amqp": None,
    }
    paper = StringIO()
    ready = Ready(data="/x", addresses=urls | {"mongodb": None} | addresses, notes=["port 1 is taken"], seconds=4.2)
    Console(file=paper, width=120).print(box(ready))
    return paper.getvalue()


def missing() -> Path:
    raise ServerMissing("none is installed")


def test_the_box_says_that_it_is_for_development_and_what_is_not_as_usual() -> None:
    text = shown()
    assert "for development only" in text
    assert "port 1 is taken" in text


def test_the_box_hides_the_password_of_a_server_that_is_not_ours() -> None:
    text = shown(mongodb="mongodb://ann:secret@db.example/", amqp="amqp://bob:secret@mq.example/")
    assert "secret" not in text
    assert "mongodb://ann:***@db.example/" in text


def test_of_mongodb_only_errors_are_shown() -> None:
    assert mongodb_trouble(json.dumps({"s": "W", "msg": "no access control"})) is None
    assert mongodb_trouble(json.dumps({"s": "F", "msg": "broken", "attr": {"at": 1}})) == 'broken {"at": 1}'
    assert mongodb_trouble("mongod: cannot load") == "mongod: cannot load"


def test_of_rabbitmq_only_the_first_lines_of_errors_are_shown() -> None:
    assert rabbitmq_trouble("2026-01-02 03:04:05.6+00:00 [info] <0.2.0> hello") is None
    assert rabbitmq_trouble("2026-01-02 03:04:05.6+00:00 [error] <0.2.0> broken")
    assert rabbitmq_trouble("2026-01-02 03:04:05.6+00:00 [error] <0.2.0>       more") is None


def test_without_mongodb_and_docker_one_sentence_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "find_mongod", missing)
    monkeypatch.setattr(docker, "is_usable", lambda: False)
    with pytest.raises(ServerMissing, match="install MongoDB 6"):
        sources.mongodb_source()


def test_without_rabbitmq_docker_is_taken_and_without_docker_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "find_rabbitmq", missing)
    monkeypatch.setattr(docker, "is_usable", lambda: True)
    assert sources.rabbitmq_source() == sources.RABBITMQ_IMAGE
    monkeypatch.setattr(docker, "is_usable", lambda: False)
    assert sources.rabbitmq_source() is None
