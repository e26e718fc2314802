#!/usr/bin/env bash
# test_units.sh SOURCE BIN: systemd understands the units, and the service is well shut in.
set -u
source=$1 bin=$2
command -v systemd-analyze >/dev/null || { echo "skipped: no systemd here"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
exposure_max=20 # tenths; systemd calls up to 2.0 of 10 "OK", and 9.6 is a service that says nothing
failed=0

# systemd looks for the program and the pages; here they are not installed.
sed "s|/usr/bin/roostd|$bin/roostd|; /^Documentation=/d" "$source/server/systemd/roostd.service" >"$folder/roostd.service"
sed '/^Documentation=/d' "$source/server/systemd/roostd.socket" >"$folder/roostd.socket"
said=$(SYSTEMD_UNIT_PATH=$folder: systemd-analyze verify --recursive-errors=no "$folder/roostd.service" "$folder/roostd.socket" 2>&1 | grep -F roostd)
if [ -z "$said" ]; then echo "ok      systemd-analyze verify has nothing to say"; else echo "FAILED  $said"; failed=1; fi
if systemd-analyze security --offline=yes --threshold=$exposure_max "$folder/roostd.service" >"$folder/said" 2>&1; then
  echo "ok      $(tail -n 1 "$folder/said")"
else
  cat "$folder/said"
  failed=1
fi
exit $failed
