#!/bin/sh
# Run once more, alone, what failed in the last `make test`: a deadline that a busy machine missed is met then, a fault is
# not mended. More than MOST at once are no matter of time, and are not run again; nor is what lint or types found.
set -eu
cd "$(dirname "$0")/.."
MOST=3

failed=$(grep -c '::' .pytest_cache/v/cache/lastfailed 2>/dev/null || true) # tests; what cannot even be imported is none
if [ "${failed:-0}" -eq 0 ] || [ "$failed" -gt "$MOST" ]; then
  echo "${failed:-0} failed: nothing is run again (of at most $MOST, each is)" >&2
  exit 1
fi
echo "$failed failed: run again, alone; whoever is red once and green now is too hasty a test, and to be mended" >&2
.venv/bin/pytest --last-failed --last-failed-no-failures none -v
