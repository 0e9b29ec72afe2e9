# The few commands one needs to know. Caches lie outside the tree, so that a fresh clone is quick.
SKREAVER_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/skreaver
CARGO_TARGET_DIR ?= $(SKREAVER_CACHE)/target
CARGO_INCREMENTAL ?= 0
# Every build names the workspace and so has the same features: one set of artefacts serves all.
PROGRAMS = $(CARGO_TARGET_DIR)/$(shell rustc --print host-tuple)/debug
# An existing cluster is used only when it is named on the command line: `make cluster KUBECONFIG=...`. One that happens to
# stand in the environment may be anybody's.
ifeq ($(origin KUBECONFIG),command line)
export SKREAVER_KUBECONFIG := $(KUBECONFIG)
endif
export SKREAVER_CACHE CARGO_TARGET_DIR CARGO_INCREMENTAL

.PHONY: help run build test soak check generate bench release cluster cluster-down

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## serve the sample agents on 127.0.0.1:3000
	@tests/install-packages laptop
	@cargo build --quiet --workspace --bins --locked
	@exec "$(PROGRAMS)/skreaver" run

build: ## build every program
	@tests/install-packages laptop
	cargo build --workspace --all-targets --locked

test: ## run every tier of tests that this machine can
	@tests/run

soak: ## the same with full counts, which takes long
	@SKREAVER_SOAK=1 tests/run

check: ## formatting, lints, licences, bans and sources
	@tests/run check

generate: ## write the generated files anew: CRDs, golden cases
	UPDATE_EXPECT=1 cargo test --quiet --workspace --test suite -- generated_ renders_as_it_did

release: ## build the release programs and images
	@tests/install-packages laptop
	cargo build --release --workspace --bins --locked
	PROFILE=release tests/cluster/build-images

bench: release ## measure against floors
	benches/run

cluster: build ## leave a real cluster running with the operator installed
	@[ -n "$(SKREAVER_KUBECONFIG)" ] || tests/cluster/up
	@tests/cluster/install

cluster-down: ## leave nothing of it behind
	@tests/cluster/down
