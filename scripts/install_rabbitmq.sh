#!/bin/sh
# Install RabbitMQ on Debian or Ubuntu (as root; about 35 MB) without letting the system start it, now or at boot:
# the stack runs a private node of its own.
set -eu
policy=/usr/sbin/policy-rc.d # asked by the packages' scripts before they start a service

if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends rabbitmq-server

if [ -d /run/systemd/system ]; then
  systemctl disable --quiet rabbitmq-server.service || true
fi
