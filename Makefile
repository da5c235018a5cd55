# Everything from a fresh Debian 12 or 13: `make demo` shows it, `make test` proves it.
#
#   make setup      .venv with the pinned packages; .venv/bin/netspring is there afterwards
#   make demo       one dirty virtual PC becomes a verified classroom PC
#   make test       lint and every test that is not marked slow
#   make test-all   lint and every test
#   make lint       what must be clean before a change lands
#   make bench      ours, the peer and the limit, side by side
#   make docs       writes docs/cli.md again from the code
#   make mutants    changes the code that decides, and sees that tests notice (an hour)
#   make lock       pins the packages again, after pyproject.toml changed
#
# PYTHON names the interpreter (3.11 or newer); PYTEST_ARGS is handed to pytest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := setup
.PHONY: setup setup-dev station demo test test-all test-tools lint bench docs mutants lock clean

PYTHON ?= python3
PYTEST_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# Builds and Debian packages need root. Someone else is asked for their password by sudo.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=NETSPRING_HOME)
# Lists that are missing or too old are fetched, and only then.
apt_install = install="$(AS_ROOT) apt-get install -y --no-install-recommends $(1)"; \
	$$install || { $(AS_ROOT) apt-get update; $$install; }

setup: $(VENV)/.netspring
setup-dev: $(VENV)/.netspring $(VENV)/.requirements-dev

# A Python without venv or ensurepip is what Debian ships before python3-venv is installed.
$(BIN)/python:
	@good='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'
	if ! $(PYTHON) -c "$$good" 2>/dev/null; then
		echo "Installing Debian's Python 3 with venv ..."
		$(call apt_install,python3 python3-venv)
	fi
	if ! $(PYTHON) -c "$$good"; then
		echo "$(PYTHON) is older than 3.11 or lacks venv. Name another: make PYTHON=/path/to/python3.11" >&2
		exit 4
	fi
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.requirements: requirements.lock | $(BIN)/python
	@echo "Installing the pinned packages (some minutes the first time) ..."
	$(PIP) install --require-hashes -r requirements.lock
	touch $@

$(VENV)/.requirements-dev: requirements-dev.lock | $(VENV)/.requirements
	@echo "Installing the pinned tools for development ..."
	$(PIP) install --require-hashes -r requirements-dev.lock
	touch $@

$(VENV)/.netspring: pyproject.toml $(VENV)/.requirements
	@$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

station: setup
	@$(AS_ROOT) $(BIN)/netspring doctor --fix

demo: station
	@$(AS_ROOT) $(BIN)/netspring lab run --profile lite

# mtools reads the ESP as another program would. Debian has systemd-run unless it is a container; the tests of a PC on
# loop devices put theirs over it. The firewall of the PCs is tried by nft between two network namespaces.
test-tools:
	@{ command -v systemd-run && command -v mdir && command -v nft && command -v ip; } >/dev/null \
		|| { $(call apt_install,systemd mtools nftables iproute2); }

test: setup-dev station test-tools lint
	@$(AS_ROOT) $(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

# Scratch is driven in a real browser, the works' windows on a real screen; localedef's sources come with locales.
test-all: setup-dev station test-tools lint
	@[[ -d /usr/share/i18n ]] && { command -v chromium && command -v Xvfb && command -v xdotool && command -v rsvg-convert && /usr/bin/python3 -c 'import gi'; } >/dev/null \
		|| { $(call apt_install,chromium xvfb xdotool locales python3-gi gir1.2-gtk-3.0 librsvg2-bin librsvg2-common); }
	$(AS_ROOT) $(BIN)/python -m pytest $(PYTEST_ARGS)

# ansible-lint calls ansible-playbook, so the tools of .venv come first.
lint: export PATH := $(CURDIR)/$(BIN):$(PATH)
lint: setup-dev
	@ruff check .
	ruff format --check .
	mypy
	yamllint --strict .
	ansible-lint
	python -m netspring_provision.cli.reference --check docs/cli.md

# fio and nwipe are the peers that ours is compared with; machine.py is what the benchmarks share.
bench: station
	@{ command -v fio && command -v nwipe; } >/dev/null || { $(call apt_install,fio nwipe); }
	for benchmark in $(filter-out %/machine.py,$(wildcard benchmarks/*.py)); do
		echo "== $$benchmark"
		$(AS_ROOT) $(BIN)/python "$$benchmark"
	done

docs: setup
	@$(BIN)/python -m netspring_provision.cli.reference docs/cli.md

mutants: setup-dev
	@tests/mutants/run.sh

# Any index the developer uses gives the same hashes; no address of one is written down.
UV_COMPILE := uv pip compile --quiet --no-config --universal --python-version 3.11 \
	--generate-hashes --no-annotate --custom-compile-command "make lock" pyproject.toml
lock: setup-dev
	@$(BIN)/$(UV_COMPILE) --group build --output-file requirements.lock
	$(BIN)/$(UV_COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean:
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis .coverage

.ONESHELL:
