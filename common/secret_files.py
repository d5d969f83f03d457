"""Secret settings that stand in files: `MESSAGE_KEY_FILE` names the file that holds `MESSAGE_KEY`."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from common.errors import LeveretError

SECRETS = ("events_mongodb_url", "views_mongodb_url", "amqp_url", "management_url", "message_key", "cursor_key")
"""The settings that hold a password or a key."""
MOST_BYTES = 16 * 1024


class SecretUnreadable(LeveretError):
    """A secret was promised in a file and is not there; the text names the file, never what it holds."""

    def __init__(self, detail: str) -> None:
        super().__init__("secret_unreadable", detail)


def file_variable(name: str) -> str:
    return f"{name.upper()}_FILE"


def read_secrets(names: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings whose files are named. Raise SecretUnreadable."""
    found: dict[str, str] = {}
    for name in names:
        path = environ.get(file_variable(name))
        if not path:
            continue
        if environ.get(name.upper()):
            raise SecretUnreadable(f"{name.upper()} and {file_variable(name)} are both set: only one can count.")
        found[name] = _read(file_variable(name), Path(path))
    return found


def _read(variable: str, path: Path) -> str:
    """Without the line's end that editors leave behind."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1).decode().strip()
    except OSError as error:
        raise SecretUnreadable(f"{variable}: {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SecretUnreadable(f"{variable}: {path} is not text.") from error
    if not content or len(content) > MOST_BYTES:
        raise SecretUnreadable(f"{variable}: {path} is {'too long' if content else 'empty'}.")
    return content


class SecretFiles(PydanticBaseSettingsSource):
    """Stands before the environment, whose empty variables then hide nothing."""

    def __init__(self, settings: type[BaseSettings], environ: Mapping[str, str] | None = None) -> None:
        super().__init__(settings)
        self._environ = os.environ if environ is None else environ

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return read_secrets((field_name,), self._environ).get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(read_secrets(SECRETS, self._environ))
