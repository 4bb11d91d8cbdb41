# Each target sets up what it needs. PG=15 to 18 chooses the Postgres: 15, the default, is Debian's; 16 and 18 are PyPI's.
PG ?= 15
export PG

# PG_CONFIG=/path/to/pg_config chooses any other one, such as the one to install into.
ifdef PG_CONFIG
export PG_CONFIG
endif

# Groups of tests that `make test` also runs on tables in partitions: those whose statements have another shape there, and that lock,
# insert or delete. The others do well there too, and would take CI more than the minute that it has for this.
IN_PARTS := layout:: operations:: attempts:: families:: flush:: flush_order:: flush_races:: flush_starts:: inbox::folding \
	inbox::unapplied streams::pruning prune:: prune_races:: rights:: adapter::following --skip families::hundred

# `exec scripts/with-cluster`: a signal that make gets and passes on reaches it, and not a shell in between.

.PHONY: help setup setup-tests build demo test test-citus picture mutants bench db db-stop install package fmt lint

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## /make \1\t/p' Makefile | expand -t 16
	@echo 'PG=16 make test and the like use another Postgres, 15 to 18'

setup: ## packages that are missing: installed for root, named for others
	@scripts/setup

setup-tests:
	@scripts/setup tests

build: setup ## the extension, for the Postgres in use
	@scripts/build-extension

demo: setup ## a real CSV file imported by parallel workers, with a dashboard; ARGS=--no-web for none
	cargo build --quiet --package runmeta-cli
	@exec scripts/with-cluster sh -c 'DATABASE_URL=$$RUNMETA_TEST_URL exec cargo run --quiet --package runmeta-cli -- demo cli/demo/airports.csv --workers 4 --rows-per-second $(if $(filter --no-web,$(ARGS)),1000,200) $(ARGS)'
	@echo
	@echo "That server is gone again. 'make db' starts one that stays and prints its URL; the demo runs there too:"
	@echo '  cargo run --package runmeta-cli -- demo --database-url URL'

test: setup-tests ## all tests, beside a server of their own
	cargo build --package runmeta-cli
	cargo test --quiet --manifest-path tests/outside/Cargo.toml --target-dir target --locked
	cargo test --quiet --manifest-path tests/outside/rustls/Cargo.toml --target-dir target --locked
# A server that is killed loses nothing without fsync, only a machine that is; databases come and go ten times as fast.
	RUNMETA_SETTINGS='fsync = off' exec scripts/with-cluster cargo test --workspace --exclude runmeta
# Those whose statements have another shape where runs lie in parts.
	RUNMETA_TEST_LAYOUT=partitions RUNMETA_SETTINGS='fsync = off' exec scripts/with-cluster cargo test --quiet --package runmeta-tests -- $(IN_PARTS)

test-citus: setup-tests ## the tests of the server on a Citus cluster of three nodes; CITUS_SOURCE is where the source of Citus is, ARGS a part of a name
	@exec scripts/test-citus $(ARGS)

picture: setup-tests ## takes the README's picture of the dashboard anew
	RUNMETA_PICTURE=docs/dashboard.png exec scripts/with-cluster cargo test --package runmeta-tests picture_of_the_readme

mutants: setup ## whether core's tests notice small changes of core; with ARGS='server 10', a sample of what needs a server
	@scripts/mutants $(ARGS)

bench: setup ## the measurements that the README quotes, in five minutes; with ARGS='parent flush', some of them; ARGS=bloat takes 15, ARGS=queues 5
ifneq ($(filter bloat queues,$(ARGS)),)
	exec scripts/with-cluster bench/$(ARGS)
else
	RUNMETA_SETTINGS="$$(cat bench/postgresql.conf)" exec scripts/with-cluster cargo run --release --package runmeta-bench -- $(ARGS)
endif

db: setup ## a server that stays, with a migrated database; its URL is the last line
	@scripts/db start

db-stop: ## ends that server and removes it
	@scripts/db stop

install: setup ## the extension into your own Postgres: make install PG_CONFIG=/path/to/pg_config
	@scripts/install-extension "$$(scripts/build-extension)" "$$(scripts/pg-config)"

package: ## core and the client as crates, built from what is in them
	@scripts/package

fmt: ## formats the code
	cargo fmt

lint: setup ## formatting, clippy with warnings denied, licences of what we depend on
	cargo fmt --check
# In release mode it finds Postgres' headers already translated by the build of the extension.
	cargo clippy --release --workspace --all-targets -- --deny warnings
	scripts/deny
