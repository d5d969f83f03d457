#!/bin/sh
# Write the lock files anew from pyproject.toml: every version, with the hashes of the public files. Needs uv.
# requirements.lock has everything; requirements-services.lock is the part of it that a service needs, for the image.
set -eu
cd "$(dirname "$0")/.."
unset UV_FIND_LINKS PIP_FIND_LINKS

compile() {
  "${UV:-uv}" pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-annotate --no-header --quiet "$@"
}

compile --extra dev --extra stack --extra bench --output-file requirements.lock "$@"
compile --constraint requirements.lock --output-file requirements-services.lock
