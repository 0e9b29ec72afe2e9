# How images are made without a registry: FROM scratch, by buildah, into archives that containerd imports. Sourced, never run.

# build_image ARCHIVE NAME CONTEXT BUILD-ARGUMENT...: writes a docker-archive. The same input gives the same image, byte for byte.
build_image() {
  local archive=$1 name=$2 context=$3; shift 3
  local store; store=$(mktemp -d)
  # A store of its own for each build: nothing is left behind, and no other image can get in.
  local buildah=(buildah --storage-driver=vfs --root "$store/root" --runroot "$store/run")
  if "${buildah[@]}" bud --isolation chroot --timestamp 0 --quiet --pull-never --iidfile "$store/id" "$@" "$context" >"$store/log" 2>&1 &&
    "${buildah[@]}" push --quiet "$(cat "$store/id")" "docker-archive:$store/archive:$name" >>"$store/log" 2>&1; then
    mkdir -p "$(dirname "$archive")"
    mv "$store/archive" "$archive"
    rm -rf "$store"
  else
    cat "$store/log" >&2
    rm -rf "$store"
    return 1
  fi
}

# key_of FILE...: names what was built from these files.
key_of() { cat "$@" | sha256sum | cut -c1-16; }

# keep_newest COUNT FILE...: removes the older ones.
keep_newest() {
  local count=$1; shift
  ls -t "$@" | tail -n "+$((count + 1))" | xargs -r rm -f
}
