#!/bin/sh
# What is known against the packages of the lock files (pip-audit), and what the image is made of (CycloneDX).
#   scripts/audit.sh audit   reports in build/audit-*.json; exit code 1 where something is known, 0 where nobody answers
#   scripts/audit.sh sbom    build/sbom.json
# The tools come from requirements-audit.lock, by their hashes, into an environment of their own.
set -eu
cd "$(dirname "$0")/.."
TOOLS=build/tools

tools() {
  cmp -s requirements-audit.lock "$TOOLS/made-of.lock" && return
  rm -rf "$TOOLS"
  mkdir -p build
  "${PYTHON:-python3}" -m venv "$TOOLS" &&
    "$TOOLS/bin/pip" install --quiet --disable-pip-version-check --retries 1 --require-hashes -r requirements-audit.lock &&
    cp requirements-audit.lock "$TOOLS/made-of.lock"
}

look_at() {
  report=build/audit-$1.json
  rm -f "$report"
  "$TOOLS/bin/pip-audit" --require-hashes --disable-pip --progress-spinner off --timeout 10 \
    --format json --output "$report" --requirement "$1.lock" 2>"$report.log" || true
  "$TOOLS/bin/python" scripts/vulnerabilities.py "$1.lock" "$report"
}

case "${1:-}" in
  audit)
    tools || { echo "not looked at: the tools cannot be fetched"; exit 0; }
    found=0
    for lock in requirements-services requirements requirements-audit; do look_at "$lock" || found=1; done
    exit $found ;;
  sbom)
    tools
    "$TOOLS/bin/cyclonedx-py" requirements requirements-services.lock --pyproject pyproject.toml \
      --output-reproducible --output-format JSON --output-file build/sbom.json
    echo "build/sbom.json" ;;
  *) sed -n '2,5p' "$0"; exit 2 ;;
esac
