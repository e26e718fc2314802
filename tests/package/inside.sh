#!/usr/bin/env bash
# inside.sh: the part of test_install.sh that runs in the container. /packages/1 and /packages/2 hold two versions of the packages.
set -uo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
failed=0
server=
claim() { # claim WORDS COMMAND…: the command succeeds
  local words=$1
  shift
  if "$@"; then echo "ok      $words"; else echo "FAILED  $words"; failed=1; fi
}
quietly() { "$@" >/tmp/said 2>&1 || { cat /tmp/said; return 1; }; }
roost_user=(setpriv --reuid roost --regid roost --clear-groups) # no function: $! is to be the server

# As the unit would: as roost, with the options of /etc/default/roostd.
start() {
  mkfifo /tmp/ready
  # shellcheck disable=SC2046,SC1091
  "${roost_user[@]}" roostd $(. /etc/default/roostd && echo "$DAEMON_OPTS") --ready-fd 9 9>/tmp/ready 2>/tmp/log &
  server=$!
  read -r url </tmp/ready
  rm /tmp/ready
}
stop() { kill "$server" && wait "$server"; }

# Everything a package might leave: files but for apt's and dpkg's own, users, groups.
world() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /packages -o -path /var/lib/dpkg -o -path /var/cache \
    -o -path /var/lib/apt -o -path /var/log \) -prune -o -print | sort
  getent passwd
  getent group
}

# libraft0 is in the backports, which a Debian 12 does not look into unless told.
/packages/backports >/etc/apt/sources.list.d/backports.sources
quietly apt-get update -qq || exit 1
# What the packages depend on is installed before the world is looked at: it is not theirs to remove.
depends=$(for deb in /packages/1/*.deb; do dpkg-deb -f "$deb" Depends; done | tr ',\n' '\n\n' | sed 's/^ *//; s/[ (|].*//' | grep -vE '^(lib)?roost|^$' | sort -u)
# shellcheck disable=SC2086
quietly apt-get install -y -qq --no-install-recommends $depends init-system-helpers gcc libc6-dev pkg-config || exit 1
# The first account made by whatever package leaves files of the tools for accounts.
quietly adduser --quiet --system --group somebody && quietly userdel somebody
world >/tmp/before

claim "apt installs the packages" quietly apt-get install -y -qq --no-install-recommends /packages/1/*.deb
claim "there is a user roost" id roost
claim "… which cannot log in" grep -q '^roost:.*:/usr/sbin/nologin$' /etc/passwd
claim "its folder is its own" test "$(stat -c '%U %G %a' /var/lib/roost)" = "roost roost 700"
claim "the units are there, and wanted" test -L /etc/systemd/system/sockets.target.wants/roostd.socket -a -L /etc/systemd/system/multi-user.target.wants/roostd.service
claim "nothing is run as root of it" test -z "$(find / -xdev -path /proc -prune -o -user roost ! -path '/var/lib/roost*' -print 2>/dev/null)"

echo 'DAEMON_OPTS="--listen ipc:///var/lib/roost/s --listen tcp://127.0.0.1:7117 --log-level warn"' >/etc/default/roostd
start
claim "the server of the package starts, as roost" test "$(stat -c %U /proc/$server)" = roost
claim "the command uses it" quietly roost -c tcp://127.0.0.1:7117 dict set d k 1
claim "… over its socket, too" test "$("${roost_user[@]}" roost -c "$url" dict get d k)" = 1
claim "a program is built with pkg-config" quietly sh -c 'cc -I/packages /packages/messages.c -o /tmp/messages $(pkg-config --cflags --libs roost)'
claim "… and runs, with a private server" quietly /tmp/messages
claim "… and a static one" quietly sh -c 'cc -I/packages /packages/messages.c -o /tmp/static $(pkg-config --static --cflags --libs roost | sed "s/-lroost/-l:libroost.a/")'
claim "… which runs" quietly /tmp/static
"${roost_user[@]}" touch /var/lib/roost/data

claim "apt upgrades to the next version" quietly apt-get install -y -qq --no-install-recommends /packages/2/*.deb
claim "… which is there" test "$(dpkg-query -W -f='${Version}' roost-server)" = "$(dpkg-deb -f /packages/2/roost-server_*.deb Version)"
claim "the configuration was kept" grep -q 7117 /etc/default/roostd
claim "… without a copy of the package's" test -z "$(ls /etc/default/roostd.* 2>/dev/null)"
claim "the data folder was kept" test -e /var/lib/roost/data
claim "a server that runs is not disturbed by new files" quietly roost -c tcp://127.0.0.1:7117 dict get d k
claim "it ends in order" stop
start
claim "the new one starts with the same configuration" quietly roost -c tcp://127.0.0.1:7117 ping
claim "it ends in order" stop

claim "apt removes them" quietly apt-get remove -y -qq roost-server roost-tools libroost-dev libroost0
claim "the configuration stays" test -e /etc/default/roostd
claim "the data stay" test -e /var/lib/roost/data
claim "apt installs them again" quietly apt-get install -y -qq --no-install-recommends /packages/2/*.deb
claim "the configuration is still that" grep -q 7117 /etc/default/roostd
claim "apt purges them" quietly apt-get purge -y -qq roost-server roost-tools libroost-dev libroost0
world >/tmp/after
claim "nothing is left" diff /tmp/before /tmp/after
exit $failed
