"""Secrets may stand in files; who promises one that cannot be read gets one sentence, without what it holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.config import Settings
from common.secret_files import MOST_BYTES, SECRETS, SecretUnreadable, file_variable

ROOT = Path(__file__).parents[2]
KEY = "a key for tests"


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(file_variable(name), raising=False)


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that MESSAGE_KEY_FILE names."""
    path = tmp_path / "message.key"
    path.write_text(f"{KEY}\n")
    monkeypatch.setenv("MESSAGE_KEY_FILE", str(path))
    return path


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_may_stand_in_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_text(f"the text of {name}\n")
    monkeypatch.setenv(file_variable(name), str(tmp_path / name))
    monkeypatch.setenv(name.upper(), "")  # as a compose file leaves it
    assert getattr(Settings(), name) == f"the text of {name}"


def test_whatever_has_a_password_is_a_secret() -> None:
    assert {
        name for name in Settings.model_fields if name.endswith(("mongodb_url", "amqp_url", "management_url", "_key"))
    } - {
        "tls_key"  # names a file anyway
    } == set(SECRETS)


@pytest.mark.usefixtures("secret")
def test_what_the_program_says_itself_wins() -> None:
    assert Settings().message_key == KEY
    assert Settings(message_key="another one").message_key == "another one"


@pytest.mark.usefixtures("secret")
def test_a_secret_that_is_set_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESSAGE_KEY", "another one")
    with pytest.raises(SecretUnreadable, match="MESSAGE_KEY and MESSAGE_KEY_FILE are both set"):
        Settings()


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\xfd", b"x" * (MOST_BYTES + 1)])
def test_a_file_that_holds_no_secret_is_refused(secret: Path, content: bytes) -> None:
    secret.write_bytes(content)
    with pytest.raises(SecretUnreadable, match="MESSAGE_KEY_FILE"):
        Settings()


def test_a_file_that_cannot_be_read_is_refused(secret: Path) -> None:
    secret.unlink()
    with pytest.raises(SecretUnreadable, match=f"MESSAGE_KEY_FILE: {secret} cannot be read: No such file"):
        Settings()
    secret.mkdir()
    with pytest.raises(SecretUnreadable, match="Is a directory"):
        Settings()


def test_a_service_says_so_in_one_line_and_ends() -> None:
    environment = {**os.environ, "MESSAGE_KEY_FILE": "/nowhere/message.key"}
    ended = subprocess.run(
        [sys.executable, "-m", "query_service"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr == "query: MESSAGE_KEY_FILE: /nowhere/message.key cannot be read: No such file or directory.\n"
