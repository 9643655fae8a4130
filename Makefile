# The few commands people type. What they do lies in tests/local-aws/ and .ci/.

LOCAL := python3 tests/local-aws/servers.py
ENVIRONMENTS := python3 tests/local-aws/environments.py
TOOLS := .local/tools/bin
CHECKS := .local/checks/bin
LANDING := .local/landing
CYCLONEDX := 0.5.9
PYTHON := tests/local-aws tests/acceptance tests/guards tests/schemas cfn-lint docs tools/plan
# Seconds for each target.
FUZZ_SECONDS ?= 15

# What measures, and what it measures, is built apart, since neither is built as for the tests.
BENCHED := target/bench

.PHONY: help demo acceptance test outside proof guards fuzz bench lint policies docs picture build package sbom down clean environments
.DEFAULT_GOAL := help

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## build, start a local AWS, and go all the way of docs/landing.md
	@.local/servers/bin/python tests/local-aws/demo.py $(DEMO)

# A real AWS gets what `sam build` or `make package` has built, which a build to be tried here would replace.
acceptance: $(if $(findstring --local,$(ACCEPTANCE)),build,environments) ## try a real organization, docs/acceptance.md; with ACCEPTANCE=--local the local AWS
	@.local/servers/bin/python tests/acceptance/acceptance.py \
		--management "$(MANAGEMENT)" --member "$(MEMBER)" --prefix "$(PREFIX)" $(ACCEPTANCE)

# What functions call is written down there.
test: export ARCHIPELAGO_CALLS := $(CURDIR)/target/calls
test: build ## run every test, unit and end to end
	.local/servers/bin/python -m unittest discover --start-directory tests/local-aws
	@# What it deploys has other names, and writes nothing down.
	env -u ARCHIPELAGO_CALLS .local/servers/bin/python -m unittest discover --start-directory tests/acceptance
	@rm -rf $(ARCHIPELAGO_CALLS) && mkdir -p $(ARCHIPELAGO_CALLS)
	cargo test --locked --workspace -- --skip concurrency::
	@$(MAKE) --no-print-directory outside
	@# Hundreds of processes at once want the machine for themselves.
	cargo test --locked --workspace --test suite -- --test-threads 1 concurrency::
	.local/servers/bin/python tests/local-aws/privilege.py $(ARCHIPELAGO_CALLS)

# The library is packaged as for a registry; a type that knows nothing else of this repository is built on that.
OUTSIDE := target/outside
outside: ## build and test a type of one's own on the packaged library
	rm -rf $(OUTSIDE)
	cargo package --quiet --locked --package custom-resource --no-verify --allow-dirty --target-dir $(OUTSIDE)
	@# Cargo goes by times, and those in a package are always the same.
	tar --extract --touch --file $(OUTSIDE)/package/custom-resource-0.1.0.crate --directory $(OUTSIDE)
	@# Whatever is Archipelago's own is in shared/archipelago.
	! grep --recursive --ignore-case --files-with-matches archipelago $(OUTSIDE)/custom-resource-0.1.0
	@# Two levels of log don't compile together. Of two of tracing the lower one counts, without a word.
	cargo tree --locked --manifest-path tests/outside/Cargo.toml --invert tracing --depth 0 --format '{f}' | tr , '\n' | \
		grep max_level | xargs test release_max_level_debug =
	cargo test --quiet --locked --manifest-path tests/outside/Cargo.toml --target-dir target

proof: build ## let a thousand operations at once change a few policies, on a machine that does nothing else
	cargo test --locked --workspace --test suite -- --include-ignored --nocapture \
		what_cloudformation_was_told_is_in_the_policies_after_a_thousand_operations

guards: ## switch off each guard of the ledger's protocol in turn, and say which test misses it; GUARDS="<part of a name>" for some
	@tests/guards/guards.py $(GUARDS)

fuzz: ## try the libraries with bad input, FUZZ_SECONDS for each of three targets
	@set -e; cd fuzz; host=$$(rustc -vV | sed -n 's/^host: //p'); \
	cargo build --quiet --locked --release --target $$host; \
	for target in event properties document; do \
		found=target/found/$$target; mkdir -p $$found artifacts/$$target; \
		cargo run --quiet --locked --release --target $$host --bin $$target -- $$found corpus/$$target -dict=words.dict \
			-max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=512 -artifact_prefix=artifacts/$$target/ \
			-print_final_stats=1 >$$found.log 2>&1 || { tail -n 60 $$found.log; exit 1; }; \
		sed -n "s/^stat::number_of_executed_units: */$$target: inputs tried: /p" $$found.log; \
	done

bench: ## measure the functions beside their peers, write docs/Benchmark.md; BENCH=quick for a first look
	@$(ENVIRONMENTS) tools bench
	PATH="$(CURDIR)/$(TOOLS):$$PATH" CARGO_TARGET_DIR=$(BENCHED) cargo-lambda lambda build --quiet --release --locked --workspace \
		$$(sed -n 's/.*Binary: *\([a-z0-9-]*\).*/--bin \1/p' template.yaml) --lambda-dir $(BENCHED)/functions
	cargo build --quiet --release --locked --manifest-path tests/bench/Cargo.toml --target-dir $(BENCHED) --package lean
	cargo test --quiet --locked --manifest-path tests/bench/Cargo.toml --target-dir $(BENCHED)
	cargo build --quiet --locked --manifest-path tests/bench/Cargo.toml --target-dir $(BENCHED)
	$(BENCHED)/debug/archipelago-bench $(BENCHED)/functions .local/bench $(BENCHED)/release/lean docs/Benchmark.md

lint: environments policies ## check style, dependencies and templates
	@$(ENVIRONMENTS) checks
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo fmt --manifest-path tests/bench/Cargo.toml --all --check
	@# Cargo reads no workspace before what it depends on is there, which `make outside` makes.
	rustfmt --edition 2024 --check tests/outside/src/main.rs
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --quiet --locked --manifest-path tests/bench/Cargo.toml --workspace --all-targets --target-dir target -- -D warnings
	$(CHECKS)/cargo-deny --locked --workspace check --hide-inclusion-graph bans licenses sources
	@# The database of advisories is a repository elsewhere, which not every machine reaches.
	@if timeout 60 $(CHECKS)/cargo-deny fetch db >/dev/null 2>&1; \
	then $(CHECKS)/cargo-deny --locked --workspace check advisories; \
	else echo "advisories not checked: their database is out of reach"; fi
	@# It gathers entropy for half a second at the first handshake of a small function.
	! cargo tree --locked --workspace --edges normal,build --prefix none | grep aws-lc
	$(CHECKS)/ruff check --quiet $(PYTHON)
	$(CHECKS)/ruff format --quiet --check $(PYTHON)
	SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 $(TOOLS)/sam validate --lint
	$(TOOLS)/cfn-lint --append-rules cfn-lint -- template.yaml stacks/*.yaml docs/examples/*.yaml tests/tests/suite/ways/*.yaml
	$(TOOLS)/python -m unittest discover --start-directory tests/schemas

policies: ## judge the policies of stacks/: they permit what the landing needs, and nothing more
	@$(ENVIRONMENTS) landing
	LOG_LEVEL=ERROR $(LANDING)/bin/checkov --directory stacks --framework cloudformation --skip-download --quiet --compact
	$(LANDING)/bin/node $(LANDING)/node_modules/prettier/bin/prettier.cjs --log-level warn --check tests/landing
	$(LANDING)/bin/node --test --test-reporter=dot tests/landing/*.test.js

docs: environments ## write the schemas of the types, and their pages
	EXPECTORATE=overwrite cargo test --locked --quiet --workspace --lib --bins the_schema_is_what_the_code_says
	$(TOOLS)/python docs/pages.py

picture: ## draw docs/landing.svg from the stacks
	@$(ENVIRONMENTS) landing
	$(LANDING)/bin/node tests/landing/draw.js

build: environments ## build the functions to be tried here; `sam build` builds them to be deployed
	@$(LOCAL) build

package: environments ## write a release into target/package/: zips of all functions, templates and checksums
	@python3 tests/local-aws/package.py

sbom: ## write a CycloneDX bill of materials for each function into target/sbom/
	cargo install --quiet --locked --root .local/cargo --version $(CYCLONEDX) cargo-cyclonedx
	rm -rf target/sbom && mkdir -p target/sbom
	.local/cargo/bin/cargo-cyclonedx cyclonedx --quiet --format json --spec-version 1.5 --describe binaries
	@# It writes them beside the manifests.
	find handlers shared tests -name '*.cdx.json' -not -path '*/target/*' -exec mv -t target/sbom {} +
	@ls target/sbom

down: ## stop the local AWS
	@$(LOCAL) down

clean: down ## remove all that these commands made
	rm -rf .local .aws-sam target fuzz/target

environments:
	@$(ENVIRONMENTS) tools servers
