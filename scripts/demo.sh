#!/bin/sh
# Show the story of demo_cqrs.py on the stack that runs, or on a new one that is taken down again. Takes its options.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"

if ! cqrs status --json >/dev/null 2>&1; then
  CQRS_DATA=$(mktemp -d)
  PAYMENT_SECONDS=${PAYMENT_SECONDS:-8} # so that the story can wait for a payment to be too late
  export CQRS_DATA PAYMENT_SECONDS      # every `cqrs` below means this stack
  trap 'cqrs down; rm -rf "$CQRS_DATA"' EXIT
  trap 'exit 130' INT TERM
  case " $* " in
    *" --auth "*) cqrs up --detach --auth ;;
    *) cqrs up --detach ;;
  esac
fi

gateway=$(cqrs status --json | python -c 'import json, sys; print(json.load(sys.stdin)["gateway"])')
python demo_cqrs.py --gateway "$gateway" --control cqrs "$@"
