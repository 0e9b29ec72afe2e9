# How one part of a cluster (a program that keeps running) is started, watched and stopped. Sourced, never run.
# Every function works on the cluster whose folder is $state: use_state sets it.

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache="${SKREAVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/skreaver}"
bin="$cache/bin"

# What a part's command is prefixed with, such as the way into a namespace. Empty: runs right here.
inside=()
# The moment, in the shell's SECONDS, at which every wait gives up.
give_up_at=0

say() { echo "cluster: $*" >&2; }

# use_state FOLDER: the cluster that all functions are about.
use_state() {
  state=$(realpath -m "$1")
  mkdir -p "$state/logs" "$state/pids"
}

pid_of() { cat "$state/pids/$1" 2>/dev/null; }

# is_running PART: a pid alone proves nothing, numbers are given again. Our parts carry a mark in their environment.
is_running() {
  local pid
  pid=$(pid_of "$1") && grep -qsxzF "SKREAVER_PART=$state/$1" "/proc/$pid/environ"
}

# launch PART COMMAND...: starts a part unless it runs already. It outlives the script that started it.
launch() {
  local part=$1; shift
  if is_running "$part"; then return 0; fi
  # Descriptor 9 is the caller's lock: a part must not inherit it.
  SKREAVER_PART="$state/$part" setsid "${inside[@]}" "$@" >>"$state/logs/$part.log" 2>&1 </dev/null 9>&- &
  echo $! >"$state/pids/$part"
  disown
  # The mark shows once the new program has taken over from this shell.
  until is_running "$part" || ! kill -0 $! 2>/dev/null; do sleep 0.01; done
}

# stop PART [SIGNAL]: returns when the part is gone, so that its ports are free for the next one.
stop() {
  local part=$1 pid tries
  if is_running "$part"; then
    pid=$(pid_of "$part")
    kill "-${2:-TERM}" "$pid"
    for ((tries = 0; tries < 100; tries++)); do
      is_running "$part" || break
      sleep 0.1
    done
    if is_running "$part"; then kill -KILL "$pid"; fi
    while is_running "$part"; do sleep 0.1; done
  fi
  rm -f "$state/pids/$part"
}

# fail PART MESSAGE: says which part failed and what it said last.
fail() {
  say "$2; the end of $state/logs/$1.log:"
  tail -n 20 "$state/logs/$1.log" >&2 || true
  exit 1
}

# wait_for PART COMMAND...: polls until COMMAND succeeds; fails when PART has ended or the time is over.
wait_for() {
  local part=$1; shift
  until "$@" >/dev/null 2>&1; do
    is_running "$part" || fail "$part" "$part has ended"
    [ "$SECONDS" -lt "$give_up_at" ] || fail "$part" "gave up waiting for: $*"
    sleep 0.2
  done
}

kube() { "${inside[@]}" "$bin/kubectl" --kubeconfig "$state/kubeconfig" --request-timeout=10s "$@"; }

is_ready() { kube get --raw /readyz; }

# kube_config FILE CERTIFICATE: a kubeconfig for the owner of a client certificate, with everything inside.
kube_config() {
  local pki="$state/pki" user=$2
  (umask 077 && cat >"$1") <<YAML
apiVersion: v1
kind: Config
clusters:
  - name: skreaver
    cluster:
      server: https://$address:$api_port
      certificate-authority-data: $(base64 -w0 "$pki/ca.crt")
users:
  - name: $user
    user:
      client-certificate-data: $(base64 -w0 "$pki/$user.crt")
      client-key-data: $(base64 -w0 "$pki/$user.key")
contexts:
  - name: skreaver
    context: { cluster: skreaver, user: $user }
current-context: skreaver
YAML
}
