# The front door: `make help` says what there is.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
DEBIAN_PACKAGES := clang llvm libbpf1 libbpf-dev bpftool nftables iptables ipset iproute2 iputils-ping \
    iperf3 tcpdump ethtool conntrack procps python3 python3-venv postgresql systemd nats-server \
    openjdk-17-jre-headless
STAMPS := $(VENV)/.stamps

say = @printf '\033[1m== %s\033[0m\n' "$(1)"

.PHONY: help demo test check unit integration bpf-test scenarios bpf layout docs bench wheel deb clean setup

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- set-up: done once, quick to find done ---

$(STAMPS)/debian: Makefile
	$(call say,installing Debian packages: $(DEBIAN_PACKAGES))
	@missing=$$(for name in $(DEBIAN_PACKAGES); do \
	    dpkg-query -W -f='$${Status}' $$name 2>/dev/null | grep -q 'install ok installed' || echo $$name; done); \
	if [ -n "$$missing" ]; then \
	    [ "$$(id -u)" = 0 ] || { echo "these need root: apt-get install $$missing" >&2; exit 1; }; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/python: $(STAMPS)/debian requirements.lock pyproject.toml
	$(call say,making the virtual environment $(VENV))
	@[ -x $(PYTHON) ] || /usr/bin/python3 -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Of Debian's prometheus only this: the package would start a server.
$(BIN)/promtool: | $(STAMPS)/python
	$(call say,fetching promtool)
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	(cd $$folder; apt-get download -qq prometheus 2>/dev/null || \
	    { apt-get update -qq; apt-get download -qq prometheus; }; \
	dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xf - ./usr/bin/promtool); \
	install $$folder/usr/bin/promtool $@

setup: $(STAMPS)/python $(BIN)/promtool bpf ## install what is needed and build

bpf: $(STAMPS)/debian ## compile the kernel side
	@$(MAKE) -C bpf

layout: $(STAMPS)/python bpf ## write Python's view of bpf/dye.h from the objects
	@$(MAKE) -C bpf layout PYTHON=$(abspath $(PYTHON))

docs: $(STAMPS)/python ## write docs/causes from the catalogue
	@$(PYTHON) docs/generate.py

# --- the two commands ---

demo: setup ## build a cloud, trace a flow, break the cloud, see the verdict
	@$(PYTHON) -m dyetrace.lab.demo

test: check unit bpf-test integration scenarios ## everything that CI runs (root)

# --- its parts ---

check: setup ## lint, types, import rules, stale files
	$(call say,check)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache | tail -n 4
	@$(MAKE) -C bpf check-layout PYTHON=$(abspath $(PYTHON))
	@$(PYTHON) docs/generate.py --check

unit: setup ## pure tests: no root, no network, no clock
	$(call say,unit tests)
	@$(PYTHON) -m pytest -q -n 2 --dist loadfile tests/unit

bpf-test: setup ## the kernel side, by BPF_PROG_TEST_RUN and in namespaces (root)
	$(call say,eBPF tests)
	@$(PYTHON) -m pytest -q tests/bpf

integration: setup ## real processes and namespaces (root)
	$(call say,integration tests)
	@$(PYTHON) -m pytest -q -n 3 --dist worksteal tests/integration

# They wait for leases and traffic more than they compute.
scenarios: setup ## clouds that work, break and heal (root)
	$(call say,scenario tests)
	@$(PYTHON) -m pytest -q -n 4 --dist worksteal tests/scenarios --ignore tests/scenarios/test_matrix.py
	$(call say,a sample of the scenario matrix)
	@$(PYTHON) -m pytest -q tests/scenarios/test_matrix.py

bench: setup ## the README's figures (root)
	@for bench in bench/*.py; do $(PYTHON) $$bench; done

wheel: setup ## a wheel that carries the compiled kernel side
	@$(BIN)/python -m hatchling build -t wheel

deb: setup ## a Debian package with all it needs but Python
	@$(PYTHON) packaging/debian/build.py

clean: ## remove what was built
	@rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache
	@$(MAKE) -C bpf clean
