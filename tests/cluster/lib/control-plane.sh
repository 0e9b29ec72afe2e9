# etcd, kube-apiserver and kube-controller-manager, with their flags. Sourced, never run.
# They take $address, $api_port, $etcd_port and $etcd_peer_port from the caller.

# Services get their addresses from here; the first one is the API server's.
service_range=10.96.0.0/16
control_plane_parts=(etcd kube-apiserver kube-controller-manager)

# start_control_plane NODE [API-SERVER-FLAG...]: returns when namespaces get their ServiceAccount, that is when pods can be made.
start_control_plane() {
  local node=$1; shift
  make_certificates "$node"
  kube_config "$state/kubeconfig" admin
  kube_config "$state/kube-controller-manager.kubeconfig" kube-controller-manager
  start_etcd
  start_api_server "$@"
  wait_for kube-apiserver is_ready
  start_controller_manager
  wait_for kube-controller-manager kube get serviceaccount default
}

start_etcd() {
  # No fsync: a test cluster does not survive a power cut, and starts several seconds faster.
  launch etcd "$bin/etcd" --name=skreaver --data-dir="$state/etcd" --unsafe-no-fsync --log-level=warn \
    --listen-client-urls="http://127.0.0.1:$etcd_port" --advertise-client-urls="http://127.0.0.1:$etcd_port" \
    --listen-peer-urls="http://127.0.0.1:$etcd_peer_port" --initial-advertise-peer-urls="http://127.0.0.1:$etcd_peer_port" \
    --initial-cluster="skreaver=http://127.0.0.1:$etcd_peer_port"
}

start_api_server() {
  local pki="$state/pki"
  # Tests count writes in the audit log, so a request is in it once, when it has been answered.
  cat >"$state/audit-policy.yaml" <<'YAML'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
YAML
  launch kube-apiserver "$bin/kube-apiserver" \
    --etcd-servers="http://127.0.0.1:$etcd_port" \
    --bind-address="$address" --advertise-address="$address" --secure-port="$api_port" \
    --service-cluster-ip-range="$service_range" --allow-privileged=true \
    --tls-cert-file="$pki/kube-apiserver.crt" --tls-private-key-file="$pki/kube-apiserver.key" --client-ca-file="$pki/ca.crt" \
    --authorization-mode=Node,RBAC \
    --service-account-issuer=https://kubernetes.default.svc --api-audiences=https://kubernetes.default.svc \
    --service-account-key-file="$pki/service-accounts.pub" --service-account-signing-key-file="$pki/service-accounts.key" \
    --kubelet-client-certificate="$pki/kubelet-client.crt" --kubelet-client-key="$pki/kubelet-client.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --audit-policy-file="$state/audit-policy.yaml" --audit-log-path="$state/audit.log" --audit-log-maxsize=10000 \
    "$@"
}

start_controller_manager() {
  local pki="$state/pki"
  # There is one of each: no election, so that stopping the API server for a while does not end the part.
  launch kube-controller-manager "$bin/kube-controller-manager" --kubeconfig="$state/kube-controller-manager.kubeconfig" \
    --leader-elect=false --secure-port=0 --use-service-account-credentials=true \
    --root-ca-file="$pki/ca.crt" --service-account-private-key-file="$pki/service-accounts.key" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key"
}
