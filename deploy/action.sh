#!/usr/bin/env bash
# The work of action.yml: runs a session as its inputs say (INPUT_...), and leaves the files of
# its result in a directory of the workspace. It ends with the exit code of retain, which
# docs/output.md describes. RETAIN_BINARY is a test binary of retain that is built already.
set -uo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
workspace=${GITHUB_WORKSPACE:-$PWD}

output() { printf '%s=%s\n' "$1" "$2" >>"${GITHUB_OUTPUT:-/dev/null}"; }

# Nothing ran: one line for the log, the annotation and the step's summary.
fail() { # verdict, exit code, line
  echo "::error title=retain::${3//$'\n'/%0A}"
  printf '### retain: %s\n\n```\n%s\n```\n' "${1//-/ }" "$3" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
  output verdict "$1"
  exit "$2"
}
refuse() { fail bad-input 2 "$1"; }

# A path of the workspace.
in_workspace() {
  case $1 in
  /*) printf '%s' "$1" ;;
  *) printf '%s/%s' "$workspace" "$1" ;;
  esac
}

results=$(in_workspace "${INPUT_DIRECTORY:-retain-results}")
mkdir -p "$results" || refuse "directory: ${INPUT_DIRECTORY:-} can't be made"

arguments=(-test.run '^TestProperties$' -test.timeout 0 -duration "${INPUT_DURATION:-2m}" -summary "$results/summary.json" -junit "$results/junit.xml")
flag() { [ -z "$2" ] || arguments+=("-$1=$2"); }
flag runtime "${INPUT_RUNTIME:-}"
flag sdk "${INPUT_SDK:-}"
flag deployment "${INPUT_DEPLOYMENT:-}"
flag service.image "${INPUT_SERVICE_IMAGE:-}"
flag restate.version "${INPUT_SERVER_VERSION:-}"
flag restate.image "${INPUT_SERVER_IMAGE:-}"
[ -z "${INPUT_SERVICE_ENV_FILE:-}" ] || flag service.env-file "$(in_workspace "$INPUT_SERVICE_ENV_FILE")"
[ -z "${INPUT_EXCLUDE:-}" ] || flag exclude "$(in_workspace "$INPUT_EXCLUDE")"
if [ -n "${INPUT_FLAGS:-}" ]; then # quotes keep a value with spaces together
  words=$(xargs -n1 printf '%s\n' <<<"$INPUT_FLAGS" 2>&1) || refuse "flags: ${words##*$'\n'}"
  while IFS= read -r word; do
    [ -z "$word" ] || arguments+=("$word")
  done <<<"$words"
fi

binary=${RETAIN_BINARY:-}
if [ -z "$binary" ]; then
  binary=$(mktemp -d)/retain.test
  trap 'rm -rf "$(dirname "$binary")"' EXIT
  (cd "$source" && go test -vet=off -c -o "$binary" .) || fail harness 1 "retain does not build: the log of this step says why"
fi

rm -f "$results/summary.json" "$results/junit.xml"
log=$(mktemp)
(cd "$results" && exec "$binary" "${arguments[@]}") 2>"$log" # the result goes to its standard output
code=$?
cat "$log" >&2
if [ "$code" = 2 ]; then
  line=$(grep -m1 '^retain: ' "$log" || tail -n1 "$log")
  rm -f "$log"
  refuse "${line#retain: }"
fi
rm -f "$log"

verdict=$(sed -n 's/^  "verdict": "\(.*\)",$/\1/p' "$results/summary.json" 2>/dev/null)
output verdict "${verdict:-harness}"
output junit "$results/junit.xml"
output summary "$results/summary.json"
output findings "$results/testdata/findings"
exit "$code"
