#!/usr/bin/env bash
# test_systemd.sh FOLDER: the packages in FOLDER under a real systemd, which runs in a container: the units start, the sandbox holds
# and hinders nothing, sockets outlive the server. Needs a Docker engine that lets a container have CAP_SYS_ADMIN.
set -uo pipefail
folder=$1
docker info >/dev/null 2>&1 || { echo "test_systemd: no Docker engine answers" >&2; exit 2; }
image=roost-systemd-$$ container=roost-systemd-$$
url=ipc:///run/roost/roost.sock
context=$(mktemp -d)
trap 'docker rm -f "$container" >/dev/null 2>&1; docker rmi "$image" >/dev/null 2>&1; rm -rf "$context" "$context.log"' EXIT
failed=0
claim() { # claim WORDS COMMAND…: the command succeeds
  local words=$1
  shift
  if "$@"; then echo "ok      $words"; else echo "FAILED  $words"; failed=1; fi
}
inside() { timeout 120 docker exec "$container" "$@"; }
quietly() { inside "$@" >"$context/said" 2>&1 || { cat "$context/said"; return 1; }; }
property() { inside systemctl show -P "$1" "$2"; }

cp "$folder"/*.deb "$(dirname "$0")/../../tools/backports" "$context"
depends=$(for deb in "$folder"/*.deb; do dpkg-deb -f "$deb" Depends; done | tr ',\n' '\n\n' | sed 's/^ *//; s/[ (|].*//' | grep -vE '^(lib)?roost|^$' | sort -u | paste -sd' ')
cat >"$context/Dockerfile" <<EOF
FROM debian:bookworm-slim
COPY backports /usr/local/bin/
RUN backports >/tmp/backports && mv /tmp/backports /etc/apt/sources.list.d/backports.sources
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends systemd $depends
COPY *.deb /packages/
EOF
# shellcheck disable=SC2086
DOCKER_BUILDKIT=0 docker build -q ${ROOST_DOCKER_BUILD:-${ROOST_DOCKER_RUN:-}} -t "$image" "$context" >"$context.log" 2>&1 ||
  { cat "$context.log"; echo "FAILED  the image is built"; exit 1; }
docker run -d --name "$container" --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
  --cgroupns=private --tmpfs /run --tmpfs /run/lock --tmpfs /tmp -e container=docker "$image" /lib/systemd/systemd >/dev/null
for _ in $(seq 300); do
  case $(inside systemctl is-system-running 2>/dev/null) in running | degraded) up=yes && break ;; esac
  sleep 0.2
done
[ "${up:-}" = yes ] || { docker logs "$container" 2>&1 | tail; echo "skipped: systemd does not come up in a container here"; exit 77; }

claim "apt installs the packages" quietly sh -c 'DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends /packages/*.deb'
claim "the service runs" test "$(property ActiveState roostd.service)" = active
claim "a client reaches it" quietly roost -c $url dict set d k 1
claim "… through shared memory" sh -c "timeout 120 docker exec '$container' roost -c $url info | grep -qE '^rings +[1-9]'"
pid=$(property MainPID roostd.service)
status=$(inside cat "/proc/$pid/status")
claim "it runs as roost" test "$(inside stat -c %U "/proc/$pid")" = roost
claim "it has no capability" grep -qE '^CapEff:\s*0+$' <<<"$status"
claim "it gains none" grep -qE '^NoNewPrivs:\s*1$' <<<"$status"
claim "its system calls are filtered" grep -qE '^Seccomp:\s*2$' <<<"$status"
inside systemctl stop roostd.service 2>/dev/null
claim "a client starts a server that was stopped" quietly roost -c $url ping
quietly systemctl kill -s KILL roostd.service
claim "a client finds one after a kill" quietly roost -c $url ping
quietly sh -c 'mkdir /etc/systemd/system/roostd.socket.d && printf "[Socket]\nListenStream=127.0.0.1:7117\n" >/etc/systemd/system/roostd.socket.d/tcp.conf
  echo DAEMON_OPTS=\"--listen tcp://127.0.0.1:7118\" >/etc/default/roostd
  systemctl daemon-reload && systemctl restart roostd.socket roostd.service'
claim "a socket of a drop-in is served" quietly roost -c tcp://127.0.0.1:7117 ping
claim "an option of /etc/default/roostd, too" quietly roost -c tcp://127.0.0.1:7118 ping
claim "apt purges them" quietly apt-get purge -y -qq roost-server
claim "no unit is left" test -z "$(inside systemctl list-units --all --plain --no-legend 'roost*')"
claim "no process is left" test -z "$(inside sh -c 'grep -l ^roostd /proc/[0-9]*/comm 2>/dev/null')"
exit $failed
