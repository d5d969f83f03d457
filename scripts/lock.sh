#!/bin/sh
# Write the lock files anew from pyproject.toml: every version, with the hashes of the public files. Needs uv.
# requirements.lock has everything; requirements-services.lock what a service needs, and its traces, for the image;
# requirements-audit.lock has the tools that look at both.
set -eu
cd "$(dirname "$0")/.."
unset UV_FIND_LINKS PIP_FIND_LINKS

compile() {
  "${UV:-uv}" pip compile --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-annotate --no-header --quiet "$@"
}

compile pyproject.toml --extra dev --extra stack --extra bench --extra tracing --output-file requirements.lock "$@"
compile pyproject.toml --extra tracing --constraint requirements.lock --output-file requirements-services.lock
compile --group pyproject.toml:audit --output-file requirements-audit.lock
