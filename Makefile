# `make help` lists the targets.
#
# Every target sets up what it needs and reuses it the next time. It needs Debian, or a system whose
# packages have the same names, and Python 3.11 or newer. Training needs exactly Python 3.11, because
# TensorFlow 2.14 does not support newer versions.
#
# A step of the setup prints one line; `make V=1 TARGET` shows all output.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
TRAIN_PYTHON ?= $(PYTHON)
VENV := .venv
TRAIN_VENV := .venv-train
FUZZ_VENV := .venv-fuzz
# Extra pip arguments for the training environment, such as the index of a smaller PyTorch.
PIP_TRAIN_ARGUMENTS ?=

STEP := tools/step

# For the daemon and the demonstration: Python, the build dependencies of systemd-python, PortAudio
# with ALSA's PulseAudio plugin, a sound server, a message bus.
RUN_PACKAGES := python3 python3-venv python3-dev gcc pkg-config libsystemd-dev \
	libportaudio2 libasound2-plugins pulseaudio pulseaudio-utils dbus
# For the tests: systemd checks the units, OpenFst's tools the lattices, groff the manual page. openssl
# creates certificates, iproute2 networks. mpv plays music, and amixer of alsa-utils sets the mixer.
# gdbus of libglib2.0-bin calls the interfaces as another implementation of D-Bus. The units call kill
# of procps, and the user unit needs the user's dbus.socket of dbus-user-session.
TEST_PACKAGES := systemd libfst-tools groff-base openssl iproute2 mpv mpv-mpris alsa-utils \
	libglib2.0-bin procps dbus-user-session

# For building the Debian package, and for testing it on booted systems and on emulated Arm.
DEB_PACKAGES := dpkg-dev debhelper python3 python3-venv python3-systemd
BOOT_PACKAGES := debootstrap systemd-container
ARM_PACKAGES := debootstrap qemu-user-static
# Target of the package: amd64 or arm64. Either machine can build for both.
DEB_ARCHITECTURE ?= $(shell dpkg --print-architecture)

# Minutes of `make fuzz`, and its only target; what `make hostile` does; hours of audio of `make soak`.
MINUTES ?= 10
TARGET ?=
CALLS ?= 4000
INPUTS ?= 10000
KILLS ?= 10
HOURS ?= 1

# $(call install_packages,NAMES): install the missing Debian packages, and never remove any.
# PulseAudio could replace PipeWire, which may be the user's sound server, so it is left out then.
define install_packages
	@installed() { \
	  [ "$$(dpkg-query -W -f '$${db:Status-Status}' "$$1" 2> /dev/null)" = installed ]; \
	}; \
	missing=(); \
	for package in $(1); do \
	  installed "$$package" || missing+=("$$package"); \
	done; \
	for pipewire in pipewire-audio pipewire-alsa pipewire-pulse; do \
	  if [[ " $${missing[*]} " = *' pulseaudio '* ]] && installed "$$pipewire"; then \
	    echo "$$pipewire is installed: pulseaudio, which could replace it, is left out. The" \
	      "demonstration then needs a microphone; run the tests in a container." >&2; \
	    for i in "$${!missing[@]}"; do \
	      [ "$${missing[i]}" != pulseaudio ] || unset "missing[i]"; \
	    done; \
	  fi; \
	done; \
	[ $${#missing[@]} -gt 0 ] || exit 0; \
	if ! command -v apt-get > /dev/null; then \
	  echo "apt-get not found: install the equivalents of Debian's $${missing[*]} yourself."; \
	  exit 0; \
	fi; \
	as_root=(env DEBIAN_FRONTEND=noninteractive); \
	if [ "$$(id -u)" != 0 ]; then \
	  command -v sudo > /dev/null || { \
	    echo "Missing: $${missing[*]}. Install them as root, or install sudo." >&2; exit 1; }; \
	  as_root=(sudo "$${as_root[@]}"); \
	fi; \
	install=(apt-get install --quiet --yes --no-install-recommends); \
	$(STEP) 'Update the list of Debian packages' "$${as_root[@]}" apt-get update --quiet; \
	$(STEP) "Install $${#missing[@]} Debian packages and their dependencies" \
	  "$${as_root[@]}" "$${install[@]}" --no-remove "$${missing[@]}" && exit 0; \
	removed=$$("$${install[@]}" --simulate "$${missing[@]}" 2> /dev/null \
	  | sed -nE 's/^Remv ([^ ]+).*/\1/p' | paste -s -d ' ' || true); \
	if [ -n "$$removed" ]; then \
	  echo "$${missing[*]} conflicts with $$removed, which make does not remove: remove it" \
	    "yourself if you do not need it, or work in a container." >&2; \
	else \
	  echo "apt-get failed to install $${missing[*]}: fix the error above, then run make again." >&2; \
	fi; \
	exit 1
endef

# $(call make_venv,PYTHON,FOLDER,CONDITION,REMEDY): create a virtual environment, or print REMEDY if
# the version of PYTHON does not meet CONDITION.
define make_venv
	@$(1) -c 'import sys; sys.exit(not ($(3)))' || { echo '$(4)' >&2; exit 1; }
	@$(STEP) 'Create a virtual environment in $(2)' $(1) -m venv $(2)
endef

# $(call pip_install,FOLDER,WHAT,ARGUMENTS): install Python packages in a virtual environment.
define pip_install
	@$(STEP) 'Install $(2) in $(1)' $(1)/bin/python -m pip install $(3)
endef

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 22

.PHONY: run
run: $(VENV)/.run ## set everything up and demonstrate a recorded command, from the audio to a client
	@$(VENV)/bin/python tools/demo.py

.PHONY: test
test: check test-daemon test-tools ## set everything up, check style and types, run the tests

.PHONY: setup
setup: $(VENV)/.dev ## set up the environment for the daemon and its tests

.PHONY: train-setup
train-setup: $(TRAIN_VENV)/.train ## set up the environment for training and export

.PHONY: check
check: $(VENV)/.dev ## check style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy --strict daemon

.PHONY: test-daemon
test-daemon: $(VENV)/.dev ## run the tests of the daemon, with coverage
	$(VENV)/bin/python -m pytest --ignore=tests/tools --ignore=tests/boot --ignore=tests/arm \
	  --ignore=tests/bare --cov --cov-report=term

.PHONY: test-tools
test-tools: $(TRAIN_VENV)/.train ## run the tests of the training tools
	@if [ -n "$$(find tests/tools -name 'test_*.py' 2> /dev/null)" ]; then \
	  set -x; $(TRAIN_VENV)/bin/python -m pytest tests/tools; \
	else \
	  echo 'tests/tools has no tests yet.'; \
	fi

.PHONY: deb
deb: | deb-packages ## build the Debian package (DEB_ARCHITECTURE=arm64 for a Pi), in build/
	packaging/build-deb $(DEB_ARCHITECTURE)

.PHONY: test-boot
test-boot: $(VENV)/.dev | boot-packages ## test the package on booted Debian systems, as root
	$(MAKE) deb DEB_ARCHITECTURE=amd64
	$(VENV)/bin/python -m pytest --durations=0 tests/boot

.PHONY: test-arm
test-arm: $(VENV)/.dev | arm-packages ## test the package for 64-bit Arm with qemu, as root; slow
	$(MAKE) deb DEB_ARCHITECTURE=arm64
	$(VENV)/bin/python -m pytest --durations=0 tests/arm

.PHONY: test-bare
test-bare: $(VENV)/.dev | boot-packages ## test `make run` and `make test-daemon` on a bare Debian, as root; slow
	$(VENV)/bin/python -m pytest --durations=0 tests/bare

.PHONY: bench
bench: $(VENV)/.dev ## measure speed, memory and idle cost of the daemon
	PYTHONPATH=tools $(VENV)/bin/python -m benchmarks.cost

.PHONY: fuzz
fuzz: $(FUZZ_VENV)/.fuzz ## fuzz what reads untrusted bytes for MINUTES=n, or one TARGET=name of it
	PYTHONPATH=tools $(FUZZ_VENV)/bin/python -m fuzzing --minutes $(MINUTES) \
	  $(if $(TARGET),--target $(TARGET))

.PHONY: hostile
hostile: $(VENV)/.dev ## attack the daemon with CALLS=n, INPUTS=n and KILLS=n, as root
	PYTHONPATH=tools $(VENV)/bin/python -m hostile --calls $(CALLS) --inputs $(INPUTS) \
	  --kills $(KILLS)

.PHONY: soak
soak: $(VENV)/.dev ## run the service for HOURS=n of audio with clients, and measure what grows
	PYTHONPATH=tools $(VENV)/bin/python -m soak --hours $(HOURS)

.PHONY: figures
figures: $(VENV)/.dev ## draw the curves of the training runs in models/curves
	PYTHONPATH=tools $(VENV)/bin/python -m figures.curves draw

.PHONY: docs
docs: $(VENV)/.docs ## build the documentation as a website, in build/site
	$(VENV)/bin/python tools/interface_pages.py --markdown docs/api
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet --strict

.PHONY: clean
clean: ## remove everything that make created
	rm -rf $(VENV) $(TRAIN_VENV) $(FUZZ_VENV) build dist daemon/auricle.egg-info .coverage .coverage.* \
	  .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: run-packages test-packages deb-packages boot-packages arm-packages
run-packages:
	$(call install_packages,$(RUN_PACKAGES))
test-packages:
	$(call install_packages,$(TEST_PACKAGES))
deb-packages:
	$(call install_packages,$(DEB_PACKAGES))
boot-packages:
	$(call install_packages,$(BOOT_PACKAGES))
arm-packages:
	$(call install_packages,$(ARM_PACKAGES))

# A stamp file marks a complete environment. Environments are updated when the dependencies in
# setup.cfg or pyproject.toml change.
$(VENV)/.run: setup.cfg pyproject.toml | run-packages
	$(call make_venv,$(PYTHON),$(VENV),sys.version_info >= (3$(COMMA) 11),\
	  Auricle needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...)
	$(call pip_install,$(VENV),Auricle and its Python libraries,--editable .)
	@touch $@

$(VENV)/.dev: $(VENV)/.run | test-packages
	$(call pip_install,$(VENV),the libraries and tools of the tests,--editable '.[dev]')
	@touch $@

$(VENV)/.docs: $(VENV)/.run
	$(call pip_install,$(VENV),the tools of the documentation,--editable '.[docs]')
	@touch $@

# Without a wheel of atheris for this machine, `make fuzz` mutates inputs at random.
$(FUZZ_VENV)/.fuzz: setup.cfg pyproject.toml | run-packages test-packages
	$(call make_venv,$(PYTHON),$(FUZZ_VENV),sys.version_info >= (3$(COMMA) 11),\
	  Auricle needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...)
	$(call pip_install,$(FUZZ_VENV),the libraries and tools of the tests,--editable '.[dev]')
	@$(FUZZ_VENV)/bin/python -m pip install --quiet --only-binary atheris --editable '.[fuzz]' \
	  || echo 'atheris cannot be installed: make fuzz mutates inputs at random.' >&2
	@touch $@

$(TRAIN_VENV)/.train: setup.cfg pyproject.toml | run-packages test-packages
	$(call make_venv,$(TRAIN_PYTHON),$(TRAIN_VENV),sys.version_info[:2] == (3$(COMMA) 11),\
	  Training needs Python 3.11: make TRAIN_PYTHON=/path/to/python3.11 ...)
	$(call pip_install,$(TRAIN_VENV),the libraries and tools of training,\
	  $(PIP_TRAIN_ARGUMENTS) --editable '.[train$(COMMA)peers$(COMMA)dev]')
	@touch $@

COMMA := ,
