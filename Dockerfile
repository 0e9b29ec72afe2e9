# Two images, `operator` and `agent-runtime`: one static program, a CA bundle, nothing else.
#
# From source, for those with a registry:   docker build --target operator --tag skreaver/operator .
# From programs made before:                tests/cluster/build-images
# Only the stage that the programs come from differs, so both ways give the same files.
# BINARIES=host selects it. The default is spelled out below, because older versions of buildah overlook one that is given here.
ARG BINARIES

FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
# The tree's .cargo/config.toml makes the programs static and puts them into a folder named after the target.
RUN cargo build --release --locked --workspace --bins
RUN install -D -m 755 -t /out/usr/bin target/*/release/operator target/*/release/agent-runtime \
 && install -D -m 644 -t /out/etc/ssl/certs /etc/ssl/certs/ca-certificates.crt

# Here the build context is laid out like the root folder of an image, as /out is above.
FROM scratch AS host
COPY . /out

FROM ${BINARIES:-build} AS binaries

FROM scratch AS operator
COPY --from=binaries /out/etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=binaries /out/usr/bin/operator /usr/bin/operator
USER 65532:65532
ENTRYPOINT ["/usr/bin/operator"]

FROM scratch AS agent-runtime
COPY --from=binaries /out/etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=binaries /out/usr/bin/agent-runtime /usr/bin/agent-runtime
USER 65532:65532
ENTRYPOINT ["/usr/bin/agent-runtime"]
