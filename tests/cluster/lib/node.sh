# The node's parts besides the control plane: containerd, scheduler, kubelet, kube-proxy and kube-router, with their flags. Sourced, never run.

start_containerd() {
  mkdir -p "$state/cni" "$state/images"
  cat >"$state/cni/10-bridge.conflist" <<JSON
{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [
    {
      "type": "bridge", "bridge": "$bridge", "isGateway": true, "hairpinMode": true,
      "ipam": {
        "type": "host-local", "dataDir": "/run/pod-addresses", "routes": [{ "dst": "0.0.0.0/0" }],
        "ranges": [[{ "subnet": "$pod_range", "gateway": "$address" }]]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
JSON
  # restrict_oom_score_adj: without CAP_SYS_RESOURCE runc cannot lower a score and would die of it.
  cat >"$state/containerd.toml" <<TOML
version = 2
root = "$state/containerd"
state = "/run/containerd"

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins."io.containerd.internal.v1.opt"]
  path = "$state/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "skreaver/pause:dev"
  restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "$state/cni"

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
TOML
  launch containerd containerd --config "$state/containerd.toml"
}

start_scheduler() {
  kube_config "$state/kube-scheduler.kubeconfig" kube-scheduler
  launch kube-scheduler "$bin/kube-scheduler" --kubeconfig="$state/kube-scheduler.kubeconfig" --leader-elect=false --secure-port=0
}

start_kubelet() {
  kube_config "$state/kubelet.kubeconfig" kubelet
  # Disk pressure on the machine is no business of the tests, and an image thrown away could not be pulled again.
  cat >"$state/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $address
tlsCertFile: $state/pki/kubelet.crt
tlsPrivateKeyFile: $state/pki/kubelet.key
authentication:
  anonymous: { enabled: false }
  x509: { clientCAFile: $state/pki/ca.crt }
  webhook: { enabled: true }
authorization: { mode: Webhook }
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
volumePluginDir: /var/lib/kubelet/volume-plugins
clusterDNS: [$dns_address]
clusterDomain: cluster.local
resolvConf: $state/resolv.conf
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
evictionHard: { memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1% }
imageGCHighThresholdPercent: 100
serializeImagePulls: false
YAML
  launch kubelet "$bin/kubelet" --config="$state/kubelet.yaml" --kubeconfig="$state/kubelet.kubeconfig" \
    --hostname-override="$node" --node-ip="$address"
}

start_kube_proxy() {
  kube_config "$state/kube-proxy.kubeconfig" kube-proxy
  # conntrack 0: the limits are the machine's.
  cat >"$state/kube-proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: { kubeconfig: $state/kube-proxy.kubeconfig }
mode: iptables
clusterCIDR: $pod_range
hostnameOverride: $node
oomScoreAdj: 0
conntrack: { maxPerCore: 0 }
iptables: { minSyncPeriod: 100ms }
YAML
  launch kube-proxy "$bin/kube-proxy" --config="$state/kube-proxy.yaml"
}

# start_kube_router: its firewall alone, which enforces NetworkPolicies. Routes and Services are others' business.
start_kube_router() {
  kube_config "$state/kube-router.kubeconfig" kube-router
  launch kube-router "$bin/kube-router" --kubeconfig="$state/kube-router.kubeconfig" --hostname-override="$node" \
    --run-firewall=true --run-router=false --run-service-proxy=false --run-loadbalancer=false \
    --service-cluster-ip-range="$service_range" --iptables-sync-period=60s --health-port=0 --metrics-port=0
}
