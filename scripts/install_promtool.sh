#!/bin/sh
# Install promtool on Debian or Ubuntu (as root; about 60 MB), which comes with Prometheus: tests ask it about deploy/.
exec "$(dirname "$0")/install_quietly.sh" prometheus
