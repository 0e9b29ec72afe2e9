# The cluster's certificate authority and what it signs, made once per cluster with openssl. Sourced, never run.

# make_certificates NODE: all keys and certificates of a cluster whose API server is at $address.
make_certificates() {
  local pki="$state/pki" node=$1
  if [ -e "$pki/complete" ]; then return; fi
  mkdir -p "$pki"
  (
    umask 077
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=skreaver-cluster \
      -keyout "$pki/ca.key" -out "$pki/ca.crt" 2>/dev/null
    # ServiceAccount tokens are signed with RSA, as they are in most clusters.
    openssl genrsa -out "$pki/service-accounts.key" 2048 2>/dev/null
    openssl rsa -in "$pki/service-accounts.key" -pubout -out "$pki/service-accounts.pub" 2>/dev/null

    issue kube-apiserver /CN=kube-apiserver \
      "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:$address,IP:10.96.0.1"
    issue kubelet "/O=system:nodes/CN=system:node:$node" "DNS:$node,IP:$address"
    issue admin /O=system:masters/CN=admin
    issue kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
    issue kube-controller-manager /CN=system:kube-controller-manager
    issue kube-scheduler /CN=system:kube-scheduler
    issue kube-proxy /CN=system:kube-proxy
    # It reads pods, namespaces, Services and NetworkPolicies, and Kubernetes has no role for that.
    issue kube-router /O=system:masters/CN=kube-router
    touch "$pki/complete"
  )
}

# issue NAME SUBJECT [ALTERNATIVE-NAMES]: a client certificate, and a server certificate too where names are given.
issue() {
  local pki="$state/pki" name=$1 subject=$2 names=${3:-}
  local extensions="basicConstraints=CA:FALSE
keyUsage=digitalSignature
extendedKeyUsage=clientAuth${names:+,serverAuth
subjectAltName=$names}"
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$subject" -keyout "$pki/$name.key" 2>/dev/null |
    openssl x509 -req -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -days 3650 -extfile <(echo "$extensions") -out "$pki/$name.crt" 2>/dev/null
}
