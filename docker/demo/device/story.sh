# shellcheck shell=bash disable=SC2034,SC2154
# one lock guards one device; a holder is killed, another is stopped past its lease, and the device never sees two writers
parts=(device ann bob cid)
told=(device ann bob cid)

command_of() {
  case $1 in
    device) printf '%s\n' demo_device_device "$shared/socket" "$shared/record" ;;
    cid) printf '%s\n' demo_device_writer "$url" "$shared/socket" cid ;;
    *) printf '%s\n' DEMO_ENDLESS_JOB=2 demo_device_writer "$url" "$shared/socket" "$1" ;;
  esac
}

recoveries() { log_of device | grep -c recovers || true; }
more_recoveries() { [ "$(recoveries)" -gt "$1" ]; }
bob_is_back() { log_of device | sed -n '/REFUSED: bob/,$p' | grep 'bob ends' >/dev/null; }

# Which of the two came to his endless job, and was not disturbed before?
next_victim() {
  for victim in ann bob; do
    if [[ $disturbed != *$victim* ]] && has_said "$victim" 'will take long'; then return 0; fi
  done
  return 1
}

disturb() {
  local before
  before=$(recoveries)
  if [ "$1" = ann ]; then
    tell "ann is killed while she writes"
    kill_part ann
    await "the next writer learns that the owner died" more_recoveries "$before"
  else
    tell "bob is stopped while he writes, for longer than his lease"
    stop_part bob
    await "the next writer learns that the owner died" more_recoveries "$before"
    tell "bob goes on, and does not know what happened"
    continue_part bob
    await "bob's write is refused" has_said device 'REFUSED: bob: token .* is stale'
  fi
}

story() {
  disturbed=
  for _ in 1 2; do
    await "a writer is in a long job" next_victim
    disturbed+=" $victim"
    disturb "$victim"
  done
  await "bob does a whole job again" bob_is_back
  roost event set enough
  for part in bob cid; do
    claim "$part ends well" end_of "$part"
  done
  fetch device record "$out/device-record.txt"
  claim "the device never saw two writers" "$demos/device/audit" "$out/device-record.txt"
}
