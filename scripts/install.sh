#!/bin/sh
# Set up .venv as requirements.lock says, the project in it, and the servers. Seconds when nothing has changed.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

need_python() {
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
  echo "Python 3.11 or later is needed; \`make install PYTHON=/path/to/python3\` takes another one than $python" >&2
  exit 1
}

need_packages() {
  missing=""
  "$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
  if [ "$(uname -sm)" = "Linux x86_64" ] && ! command -v mongod >/dev/null; then
    "$python" -c 'import ctypes; ctypes.CDLL("libcurl.so.4")' 2>/dev/null || missing="$missing libcurl4"
  fi
  [ -z "$missing" ] && return
  echo "This machine lacks$missing. On Debian and Ubuntu: sudo apt-get install -y$missing" >&2
  exit 1
}

version_of() {
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo none
}

install_python_packages() {
  wanted="$(version_of "$python") $(cat requirements.lock pyproject.toml | "$python" -c '
import hashlib, sys
print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')"
  if [ "$wanted" = "$(cat .venv/installed 2>/dev/null)" ] && [ -x .venv/bin/cqrs ]; then
    return
  fi
  need_packages
  echo "installing into .venv: about 190 MB of Python packages, 42 of them MongoDB and 75 the type checker"
  [ "$(version_of .venv/bin/python)" = "$(version_of "$python")" ] || "$python" -m venv --clear .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
  .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  echo "$wanted" > .venv/installed
}

need_python
install_python_packages
.venv/bin/python -m stack.install
