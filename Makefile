# Each target is a few lines over cargo. `make help` lists them.
.DEFAULT_GOAL := help
CARGO ?= cargo

.PHONY: help
help: ## list every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- everyday

.PHONY: run
run: ## check the machine, install PostgreSQL if needed, build in release mode, serve
	@scripts/preflight.sh
	@. scripts/settings.sh; ! embeds_database || scripts/install.sh postgresql
	$(CARGO) run --release

.PHONY: build
build: ## build the release binary
	$(CARGO) build --release

.PHONY: test
test: ## install PostgreSQL and redis-server if needed, then run the tests, doctests too; not browser, timing, *-scale
	@scripts/install.sh postgresql redis
	$(CARGO) test --workspace --all-features

.PHONY: check
check: fmt clippy doc features deny ## everything that reads the code without running it; offline once cargo-deny is there

.PHONY: fmt
fmt: ## formatting (part of check)
	$(CARGO) fmt --all --check

.PHONY: clippy
clippy: ## lints, warnings are errors (part of check)
	$(CARGO) clippy --locked --workspace --all-targets --all-features -- -D warnings

.PHONY: doc
doc: ## documentation and its links, warnings are errors (part of check)
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --all-features --no-deps

.PHONY: features
features: ## each layer compiles with its own feature alone (part of check)
	@scripts/features.sh

.PHONY: deny
deny: ## bans, licences and sources of dependencies, offline (part of check)
	@scripts/cargo-tool.sh install cargo-deny
	@$(CARGO) fetch --locked --quiet # also what other platforms need: no traffic once it is there
	$(CARGO) deny --offline check bans licenses sources

.PHONY: clean-data
clean-data: ## remove DATA_DIR (default ./data): the embedded database, generated keys, mail files
	@scripts/clean-data.sh

# --- measured

.PHONY: bench
bench: ## criterion tables: layers, requests, crypto, sanitize
	$(CARGO) bench --bench layers --bench requests --bench crypto --bench sanitize

.PHONY: rivals
rivals: ## each layer beside the published crates that do the same: time and allocations
	$(CARGO) run --release --manifest-path benches/rivals/Cargo.toml --target-dir $${CARGO_TARGET_DIR:-target} -- --bench

.PHONY: rates
rates: ## what the sanitiser catches and touches, and its throughput, beside libinjection's port and ammonia
	$(CARGO) run --release --manifest-path benches/rivals/Cargo.toml --target-dir $${CARGO_TARGET_DIR:-target} --bin sanitize -- $(FILES)

.PHONY: measure
measure: ## size of the release binary, time from exec to ready, idle memory
	@scripts/install.sh postgresql
	$(CARGO) build --release --bin portcullis --example measure
	@$${CARGO_TARGET_DIR:-target}/release/examples/measure $${CARGO_TARGET_DIR:-target}/release/portcullis

.PHONY: load
load: ## requests/s of the release server beside a bare hyper server (needs oha)
	@scripts/cargo-tool.sh need oha
	@scripts/install.sh postgresql curl
	@scripts/load.sh

.PHONY: limits-load
limits-load: ## requests/s with limits in the process and in Redis, beside none; and refused (needs oha)
	@scripts/cargo-tool.sh need oha
	@scripts/install.sh postgresql redis curl
	@scripts/limits-load.sh

.PHONY: login-flood
login-flood: ## times of /auth/me while ten times as many log in as can be hashed
	@scripts/install.sh postgresql curl
	@scripts/login-flood.sh

.PHONY: floods
floods: ## honest requests/s, memory and probes while slow, idle or resetting connections flood the server (needs oha)
	@scripts/cargo-tool.sh need oha
	@scripts/install.sh postgresql curl
	@scripts/floods.sh

.PHONY: coverage
coverage: ## line coverage, and its floor per folder (needs cargo-llvm-cov)
	@scripts/cargo-tool.sh need cargo-llvm-cov
	@scripts/install.sh postgresql redis
	@scripts/coverage.sh

.PHONY: timing
timing: ## known and unknown users cost the same time; wants a quiet machine
	@scripts/ignored-tests.sh timing

.PHONY: audit-scale
audit-scale: ## what a page of the security log costs among a million rows
	@scripts/ignored-tests.sh scale::audit

.PHONY: import-scale
import-scale: ## seconds and rate of 100 000 accounts brought by user import; PROFILE=release for a release build
	@scripts/ignored-tests.sh scale::import

# --- slower, online, or with more programs: what Debian has is installed, what cargo or rustup has is named

.PHONY: browser
browser: ## the documentation and the pages of mailed links work in a real browser under their content security policies
	@scripts/install.sh postgresql chromium chromedriver
	@scripts/browser.sh

.PHONY: rules
rules: ## Prometheus rules and their tests (promtool), Alertmanager's configuration, the dashboards and their queries
	@scripts/install.sh prometheus alertmanager jsonnet jq
	@scripts/rules.sh

.PHONY: observe
observe: ## a real Prometheus watches a day of traffic; every query of the dashboards has data (writes docs/dashboards.md)
	@scripts/install.sh postgresql redis prometheus alertmanager jsonnet jq curl
	@scripts/observe.sh

.PHONY: dashboards
dashboards: ## write the dashboards of Grafana anew from their source
	@scripts/install.sh jsonnet
	@scripts/dashboards.sh

.PHONY: manifests
manifests: ## the Kubernetes overlays are complete (needs kubectl)
	@scripts/manifests.sh

.PHONY: advisories
advisories: ## known vulnerabilities in dependencies (needs the network)
	@scripts/cargo-tool.sh install cargo-deny
	$(CARGO) deny check advisories

.PHONY: msrv
msrv: ## both packages compile with their oldest supported compiler (needs rustup)
	@scripts/msrv.sh

.PHONY: minimal-versions
minimal-versions: ## layers compile with the oldest dependencies that Cargo.toml allows (needs a nightly compiler)
	@scripts/minimal-versions.sh

.PHONY: package
package: ## the packaged layers serve a new axum app and a new hyper app (needs the network)
	@scripts/package.sh

.PHONY: api-snapshot
api-snapshot: ## the public API of layers is the one on record (needs cargo-public-api and a nightly compiler)
	@scripts/cargo-tool.sh need cargo-public-api
	@scripts/api-snapshot.sh

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZ_SECONDS (default 60) each (needs cargo-fuzz and a nightly compiler)
	@scripts/fuzz.sh
