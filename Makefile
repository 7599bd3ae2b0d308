# Targets fetch missing tools into .tools. Outside of this folder, they only change cargo's caches, and add the target
# wasm32-wasip1 to rustup.

# The oldest and the newest Envoy for the tests. ENVOY=/path/to/envoy uses only that one.
ENVOY_VERSIONS ?= 1.36.4 1.40.0

# Where `make install` puts the command.
PREFIX ?= /usr/local

.DEFAULT_GOAL := help
.PHONY: help build cli lint test bench fuzz differential run compose install deny clean cargo

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: | cargo ## Build the filter, dist/jwt-auth.wasm
	tools/scripts/build-wasm.sh

cli: | cargo ## Build the command, dist/jwt-auth
	tools/scripts/build-cli.sh

lint: | cargo ## Check format, clippy (natively and for Wasm), documentation and licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	tools/scripts/build-wasm.sh lint
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --document-private-items
	tools/scripts/deny.sh

test: lint build cli ## Lint, build and run all tests, also on live Envoys
	envoys=$$(for version in $(if $(ENVOY),given,$(ENVOY_VERSIONS)); do tools/scripts/envoy.sh $$version || exit; done) && \
	jose_python=$$(tools/scripts/python.sh) && jose_command=$$(tools/scripts/jose.sh) && \
	readers=$$(tools/scripts/readers.sh) && engines=$$(tools/scripts/engines.sh) && \
	ENVOY_BINARIES=$$(echo "$$envoys" | paste -sd: -) JWT_AUTH_WASM="$(CURDIR)/dist/jwt-auth.wasm" \
	JWT_AUTH="$(CURDIR)/dist/jwt-auth" JOSE_PYTHON=$$jose_python JOSE_COMMAND=$$jose_command READERS=$$readers \
	ENGINES=$$engines cargo test --workspace --locked

bench: build ## Compare the speed with Envoy's jwt_authn; writes tools/bench/report.md, .json and .svg
	tools/scripts/bench.sh

fuzz: | cargo ## Fuzz the properties of tests/properties, FUZZ_SECONDS (60) for each target
	tools/scripts/fuzz.sh

differential: ## Generate the tokens of the differential test, with the verdicts of two libraries
	tools/scripts/differential.sh

run: ## Start the demo: an Envoy with the filter, an echoing upstream and a token service; FLEET=1: two Envoys and etcd
	@tools/scripts/preflight.sh run
	@$(MAKE) --no-print-directory build cli
	tools/scripts/run.sh

compose: ## Start the demo in containers, with docker-compose.yaml; FLEET=1 as for run
	@tools/scripts/preflight.sh compose
	@$(MAKE) --no-print-directory build cli
	tools/scripts/run.sh --compose

install: ## Install the command into PREFIX/bin, by default /usr/local/bin
	@[ -x dist/jwt-auth ] || $(MAKE) --no-print-directory cli
	@tools/scripts/install.sh "$(DESTDIR)$(PREFIX)/bin"

deny: | cargo ## Check the dependencies: licences, sources, security advisories
	tools/scripts/deny.sh

clean: ## Remove build output; .tools stays
	rm -rf target dist run

cargo:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust from https://rustup.rs" >&2; exit 1; }
