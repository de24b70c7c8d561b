# Two commands matter: `make demo` and `make test`. The rest are their pieces.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
SWIFT_BUILD := swift build --jobs $(JOBS)
RELEASE := $(SWIFT_BUILD) --configuration release --static-swift-stdlib --product farebox
SOURCES := Package.swift Sources Tests

.PHONY: help packages build release test unit end-to-end soak faults simulate simulate-broken demo bench format lint clean

help:
	@echo "make demo        Farebox in front of a small API, on the sandbox, shown step by step (CHAIN=1: on a test EVM, KEEP=1 leaves it running)"
	@echo "make test        lint, unit tests, release build, end-to-end tests"
	@echo "make bench       side by side with nginx (ROUNDS=5 SECONDS_PER_ROUND=3, ONLY=proxy,paid,chain,...)"
	@echo "make build       debug build;  make release: .build/release/farebox"
	@echo "make unit        unit tests alone;  make end-to-end: end-to-end tests alone (K=expression picks some)"
	@echo "make soak        1,000 random kills under load (KILLS=n, SEED=n), each with replays of every payment seen; make test does 50"
	@echo "make faults      EIO, a full disk, a short write, a failing fsync and lost power at every operation of the ledger's disk (STRIDE=n: at every nth)"
	@echo "make simulate    ledger, money loop, chain, network, disk and callers from 1,000,000 seeds (SEEDS=n, JOBS=n); SEED=n replays one"
	@echo "make simulate-broken  that the simulation finds three deliberately broken ledgers within 1,000 seeds each"
	@echo "make format      swift format in place;  make lint: check it"
	@echo "make clean       remove what was built"

packages:
	@deploy/install-packages build

build: packages
	$(SWIFT_BUILD)

release: packages
	$(RELEASE)

test:
	@Tests/run

unit: packages
	SWIFT_DETERMINISTIC_HASHING=1 swift test --jobs $(JOBS)

end-to-end: release
	@Tests/EndToEnd/run $(if $(K),-k "$(K)")

soak: release
	@SOAK_KILLS=$(or $(KILLS),1000) SOAK_SEED=$(or $(SEED),1) Tests/EndToEnd/run --dist load -k test_soak

faults: packages
	FAULT_STRIDE=$(or $(STRIDE),1) SWIFT_DETERMINISTIC_HASHING=1 swift test --jobs $(JOBS) --filter 'FaultTests|CrashTests|SealTests'

simulate: packages
	@SEEDS=$(SEEDS) SEED=$(SEED) JOBS=$(JOBS) Tests/Simulate/run

simulate-broken: packages
	@JOBS=$(JOBS) Tests/Simulation/broken/run

demo: release
	@deploy/install-packages run
	@KEEP=$(KEEP) CHAIN=$(CHAIN) deploy/demo/demo

bench: release
	@$(SWIFT_BUILD) --configuration release --static-swift-stdlib --product reading-cost
	@deploy/install-packages bench
	@Tests/Benchmarks/run

format:
	swift format --in-place --recursive --parallel $(SOURCES)

lint:
	swift format lint --strict --recursive --parallel $(SOURCES)

clean:
	rm -rf .build .venv-*
