# shellcheck shell=bash disable=SC2034,SC2154
# words counted by worker hosts; one is killed over its work, and the totals are exact
parts=(ann bob cid)
told=(collector)

command_of() {
  case $1 in
    bob) printf '%s\n' DEMO_WORK_MS=600000 demo_wordcount_worker "$url" bob ;;
    collector) printf '%s\n' demo_wordcount_collector "$url" ;;
    *) printf '%s\n' DEMO_WORK_MS=10 demo_wordcount_worker "$url" "$1" ;;
  esac
}

story() {
  await "three workers wait for jobs" in_line jobs 3
  start_part collector # each of those who wait gets one of the first chunks
  await "eight chunks are counted" has_items dict results 8
  tell "bob, who is slow, is killed over his first chunk"
  kill_part bob
  claim "the collector ends well" end_of collector
  claim "it noticed that bob died" has_said collector 'bob died'
  claim "the totals are exact" has_said collector 'totals are exact'
  for part in ann cid; do
    claim "$part ends well" end_of "$part"
  done
}
