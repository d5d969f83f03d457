#!/bin/sh
# Install a package of Debian or Ubuntu (as root) without letting the system start its service, now or at boot.
set -eu
package=$1
policy=/usr/sbin/policy-rc.d # asked by the packages' scripts before they start a service

if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$package"

if [ -d /run/systemd/system ]; then
  systemctl disable --quiet "$package.service" || true
fi
