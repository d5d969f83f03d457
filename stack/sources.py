"""Where the servers of this stack come from: the machine, else Docker."""

from pathlib import Path

from stack import docker
from stack.docker import Image
from stack.errors import ServerMissing
from stack.finding import find_mongod, find_rabbitmq

MONGODB_IMAGE = Image("mongo:8")
RABBITMQ_IMAGE = Image("rabbitmq:4-management")
HOW_TO_GET_MONGODB = "install MongoDB 6.0 or later so that `mongod` is on the PATH, or start Docker"
HOW_TO_GET_RABBITMQ = "get it with `apt-get install rabbitmq-server` (macOS: `brew install rabbitmq`) or start Docker"


def mongodb_source() -> Path | Image:
    """Raise ServerMissing with what to install."""
    try:
        return find_mongod()
    except ServerMissing as missing:
        if docker.is_usable():
            return MONGODB_IMAGE
        raise ServerMissing(f"{missing}; {HOW_TO_GET_MONGODB}") from missing


def rabbitmq_source() -> Path | Image | None:
    """None when RabbitMQ cannot be had: the stack then runs without."""
    try:
        return find_rabbitmq()
    except ServerMissing:
        return RABBITMQ_IMAGE if docker.is_usable() else None
