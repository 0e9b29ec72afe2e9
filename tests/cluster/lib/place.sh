# The place that a cluster with a node lives in: its folder, namespaces, network, mounts and cgroups. Sourced, never run.
# Nothing leaks to the machine: what the node mounts is in its own mount namespace, and gone when the last part has ended.

folder="${SKREAVER_CLUSTER:-/var/lib/skreaver-cluster}"
node=node-1
bridge=cni0
address=10.88.0.1
pod_range=10.88.0.0/24
dns_address=10.96.0.10
api_port=6443 etcd_port=2379 etcd_peer_port=2380

# use_node_cluster: the one cluster with a node, wherever SKREAVER_CLUSTER says.
use_node_cluster() {
  if [ "$(id -u)" -ne 0 ]; then say "only root can do that; control-plane needs no root"; exit 1; fi
  # `down` removes the folder, so it has to be ours.
  if [ ! -d "$folder/pids" ] && [ -n "$(ls -A "$folder" 2>/dev/null)" ]; then say "$folder is not empty, and no cluster's"; exit 1; fi
  use_state "$folder"
  # By this name every process of this cluster is found, and of no other one: see end_all_processes.
  cgroup="skreaver-$(sha256sum <<<"$state" | cut -c1-8)"
  if is_running namespaces; then go_inside; fi
}

# lock: one `up` or `down` at a time. It is held on the folder around the cluster's, and leaves no file.
lock() {
  exec 9<"$(dirname "$(realpath -m "$folder")")"
  flock 9
}

# go_inside: from here on every part and every kubectl runs in the node's namespaces, and parts in its cgroup.
go_inside() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  inside=(bash -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' in-cgroup "$(process_cgroup)/parts"
    nsenter --net --mount --target "$(pid_of namespaces)" --)
}

# ---- the place

make_place() {
  if is_running namespaces; then return; fi
  make_cgroups
  inside=()
  # The sleep holds the namespaces. Not `ip netns`: that mounts another /sys, in which the kubelet finds no cgroups.
  launch namespaces unshare --net --mount --propagation private sleep infinity
  wait_for namespaces in_namespaces_of_its_own
  pid_of namespaces >"$(process_cgroup)/parts/cgroup.procs"
  go_inside
  make_network
  make_mounts
}

in_namespaces_of_its_own() {
  [ "$(readlink "/proc/$(pid_of namespaces)/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ] &&
    grep -qzx sleep "/proc/$(pid_of namespaces)/cmdline"
}

make_network() {
  "${inside[@]}" ip link set lo up
  # A fixed hardware address: else the bridge takes another one with every pod, and neighbours keep the old one for a while.
  "${inside[@]}" ip link add "$bridge" address 02:00:0a:58:00:01 type bridge
  "${inside[@]}" ip addr add "$address/24" dev "$bridge"
  "${inside[@]}" ip link set "$bridge" up
  # For clients on the node itself. kube-proxy rewrites the address before anything leaves.
  "${inside[@]}" ip route add "$service_range" dev "$bridge"
  "${inside[@]}" sysctl -qw net.ipv4.ip_forward=1
  # Services between pods on one bridge need it.
  "${inside[@]}" sysctl -qw net.bridge.bridge-nf-call-iptables=1
}

make_mounts() {
  # Mounts of the node pass on to its pods where they ask for it.
  "${inside[@]}" mount --no-mtab --make-rshared /
  # Sockets, locks and the pods' network namespaces: all that containerd and kubelet keep below /run.
  "${inside[@]}" mount --no-mtab -t tmpfs -o mode=755 skreaver /run
  bind_folder kubelet /var/lib/kubelet
  bind_folder cni-cache /var/lib/cni
  bind_folder pod-logs /var/log
  # The kubelet insists on these values, and they are the machine's, not the node's: it is shown what it wants to see.
  shield vm/overcommit_memory 1
  shield vm/panic_on_oom 0
  shield kernel/panic 10
  shield kernel/panic_on_oops 1
  shield kernel/keys/root_maxkeys 1000000
  shield kernel/keys/root_maxbytes 25000000
}

# bind_folder NAME TARGET: inside the node, TARGET is a folder of the cluster. `down` removes the TARGETs that were made for it.
bind_folder() {
  mkdir -p "$state/$1"
  if [ ! -d "$2" ]; then
    mkdir -p "$2"
    echo "$2" >>"$state/made-folders"
  fi
  "${inside[@]}" mount --bind "$state/$1" "$2"
}

# shield SETTING VALUE: inside the node, /proc/sys/SETTING is a plain file.
shield() {
  mkdir -p "$state/sysctl"
  echo "$2" >"$state/sysctl/${1//\//.}"
  "${inside[@]}" mount --bind "$state/sysctl/${1//\//.}" "/proc/sys/$1"
}

# ---- cgroups: $cgroup/parts holds the programs, $cgroup/kubepods the pods

is_cgroup_v2() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }

cgroup_hierarchies() {
  if is_cgroup_v2; then echo /sys/fs/cgroup; else find /sys/fs/cgroup -mindepth 1 -maxdepth 1 -type d; fi
}

# process_cgroup: every process of the cluster is below it.
process_cgroup() {
  if is_cgroup_v2; then echo "/sys/fs/cgroup/$cgroup"; else echo "/sys/fs/cgroup/pids/$cgroup"; fi
}

make_cgroups() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do
    mkdir -p "$hierarchy/$cgroup"
    if [ -e "$hierarchy/cpuset.cpus" ] && ! is_cgroup_v2; then
      cat "$hierarchy/cpuset.cpus" >"$hierarchy/$cgroup/cpuset.cpus"
      cat "$hierarchy/cpuset.mems" >"$hierarchy/$cgroup/cpuset.mems"
    fi
  done
  if is_cgroup_v2; then pass_on_controllers /sys/fs/cgroup; pass_on_controllers "/sys/fs/cgroup/$cgroup"; fi
  mkdir -p "$(process_cgroup)/parts"
}

# pass_on_controllers GROUP: the kubelet wants all of them below its root.
pass_on_controllers() {
  local controller
  for controller in $(cat "$1/cgroup.controllers"); do
    echo "+$controller" >"$1/cgroup.subtree_control" || true
  done
}

remove_cgroups() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do
    if [ -d "$hierarchy/$cgroup" ]; then find "$hierarchy/$cgroup" -depth -type d -exec rmdir {} +; fi
  done
}

# ---- the end

# end_all_processes: parts, shims and pods. Being in the cgroup is the proof that they are ours.
end_all_processes() {
  local pids tries
  for ((tries = 0; tries < 300; tries++)); do
    pids=$(processes)
    # The number matters: a bare return tells a trap the status of what came before the trap.
    if [ -z "$pids" ]; then return 0; fi
    # A process may have ended since it was listed.
    # shellcheck disable=SC2086 # one word per pid
    kill -KILL $pids 2>/dev/null || true
    sleep 0.1
  done
  say "processes that do not end: $(tr '\n' ' ' <<<"$pids")"
  return 1
}

processes() {
  if [ -d "$(process_cgroup)" ]; then find "$(process_cgroup)" -name cgroup.procs -exec cat {} +; fi
}

# stop_node: nothing runs, nothing is mounted; the cluster's folder stays.
stop_node() {
  # First the ones that would start anything again.
  stop kubelet KILL
  stop containerd KILL
  end_all_processes
  remove_cgroups
  rm -f "$state"/pids/*
  inside=()
}
