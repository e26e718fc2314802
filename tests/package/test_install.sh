#!/usr/bin/env bash
# test_install.sh SOURCE FOLDER: the packages in a life: in a clean Debian they are installed by apt, the server is started and used,
# upgraded to a rebuilt higher version with its configuration and data folder kept, removed and purged, and nothing is left.
# Needs a Docker engine. FOLDER gets the packages. ROOST_DOCKER_RUN holds further options for docker run, such as --network host.
set -uo pipefail
source=$1 folder=$2
docker info >/dev/null 2>&1 || { echo "test_install: no Docker engine answers" >&2; exit 2; }

"$source/tools/package/debs" "$folder/build" || exit 1
mkdir -p "$folder/1" "$folder/2"
mv "$folder"/build/*.deb "$folder/1"
"$source/tools/package/debs" "$folder/build" -DROOST_PACKAGE_RELEASE=2 || exit 1
mv "$folder"/build/*.deb "$folder/2"
cp "$source/lib/examples/messages.c" "$source/lib/examples/die.h" "$source/tests/package/inside.sh" "$source/tools/backports" "$folder"

container=roost-install-$$
trap 'docker rm -f "$container" >/dev/null 2>&1' EXIT
# shellcheck disable=SC2086
docker run --name "$container" ${ROOST_DOCKER_RUN:-} -v "$(cd "$folder" && pwd)":/packages:ro debian:bookworm-slim bash /packages/inside.sh
