# shellcheck shell=bash disable=SC2034,SC2154
# stage.sh: what stories are told with, whether their parts are containers (docker/run-demo) or processes (demo/run-local). Sourced.
#
# A story, demo/NAME/story.sh, begins with one line that says what it shows, and defines
#   parts       the parts that start with the server; the story starts the others
#   told        the parts whose words are shown
#   servers     where there are several, which make a cluster: the nodes 1, 2 …; they are parts, too
#   command_of  PART: prints the command of a part where it is a process, one word a line; compose.yml says the same for containers
#   story       what happens
# A stage defines
#   roost WORDS…           the command line
#   start_part, kill_part, stop_part, continue_part PART
#   end_of PART            waits for its end; its exit status is the part's
#   log_of PART            what it said so far
#   fetch PART NAME FILE   copies a file out of its folder $shared

patience=${DEMO_PATIENCE:-120} # seconds for one thing to happen; each takes about one

servers=(server)

tell() { echo "-- $*"; }

fail() {
  local part
  echo "$demo: $*" >&2
  for part in "${servers[@]}" "${parts[@]}"; do
    log_of "$part" 2>&1 | sed "s/^/$part: /" >&2
  done
  exit 1
}

# await WORDS COMMAND…: until the command succeeds
await() {
  local words=$1 end=$((SECONDS + patience))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "$words: not within $patience s"
    sleep 0.1
  done
}

# claim WORDS COMMAND…: the command succeeds
claim() {
  local words=$1
  shift
  "$@" || fail "not so: $words"
}

# not COMMAND…: the command fails
not() { ! "$@"; }

# has_said PART PATTERN
has_said() { log_of "$1" 2>/dev/null | grep -- "$2" >/dev/null; }

# in_line OBJECT N: so many wait for it
in_line() { [ "$(roost who "$1" 2>/dev/null | grep -c '^waits')" -ge "$2" ]; }

# has_items TYPE OBJECT N
has_items() { [ "$(roost "$1" len "$2" 2>/dev/null || echo 0)" -ge "$3" ]; }

# choose_demo NAME: reads its story
choose_demo() {
  demo=$1
  [ -f "$demos/$demo/story.sh" ] || { echo "no demo is called \"$demo\":" >&2; list_demos >&2; exit 2; }
  # shellcheck disable=SC1090
  . "$demos/$demo/story.sh"
}

list_demos() {
  local file
  for file in "$demos"/*/story.sh; do
    printf '  %-10s %s\n' "$(basename "$(dirname "$file")")" "$(sed -n '2s/^# //p' "$file")"
  done
}
