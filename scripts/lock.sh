#!/bin/sh
# Write requirements.lock anew from pyproject.toml: every version, with the hashes of the public files. Needs uv.
set -eu
cd "$(dirname "$0")/.."
unset UV_FIND_LINKS PIP_FIND_LINKS
exec "${UV:-uv}" pip compile pyproject.toml --extra dev --extra stack --extra bench \
  --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-annotate --no-header --quiet --output-file requirements.lock "$@"
