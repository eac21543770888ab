# Two commands do everything: `make run` shows a call through a NAT, `make test` proves that it works.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# What the real-program tests drive. The package `miniupnpd` itself is left alone: it configures eth0.
COMPILER := gcc libc6-dev python3-dev
DEBIAN := $(COMPILER) g++ miniupnpd-nftables nftables iproute2 procps sip-tester baresip linphone-cli miniupnpc natpmpc \
  conntrack tcpdump kamailio kamailio-tls-modules fail2ban sngrep rtpengine-daemon libsrtp2-1 libportaudio2 libopus0 chromium
DEBIAN += $(shell command -v npm >/dev/null 2>&1 || echo nodejs npm)
SERVICES := kamailio fail2ban rtpengine-daemon

.PHONY: run test lint unit fuzz bench clients node-clients real-programs compiler clean

run: $(VENV)/installed
	@$(BIN)/ringthru demo $(ARGS)

test: lint unit

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Without ARGS everything, the real programs beside the rest; ARGS="tests/sip -k torture": some, one by one.
unit: $(VENV)/installed-test real-programs clients
	$(BIN)/python -m $(if $(ARGS),pytest $(ARGS),tests)

# ARGS="TARGET … --seconds N": some decoders, or for longer than a minute each.
fuzz: $(VENV)/installed-test
	$(BIN)/python -m tests.fuzz $(ARGS)

bench: DEBIAN += python3-miniupnpc python3-libtorrent libnatpmp-dev gcc libc6-dev
bench: $(VENV)/installed real-programs
	$(BIN)/python -m bench $(ARGS)

# Clients of the event socket that tests drive, apart from ours: they bring fifty packages, and pin some. One is C++.
# Those of Node.js (a client, and Homer's own reader of HEP) come beside them.
clients: $(VENV)/installed-test node-clients
	@cmp -s tests/interop/clients.txt $(VENV)/clients/installed || { echo "Installing clients of the event socket (once)"; \
	  $(BIN)/python -m venv --without-pip $(VENV)/clients \
	  && $(BIN)/pip --python $(VENV)/clients/bin/python install -q --no-deps --no-compile --disable-pip-version-check -r tests/interop/clients.txt \
	  && PATH="$(CURDIR)/tests/interop/clients/swig:$$PATH" SWIG="$(CURDIR)/$(VENV)/clients/bin/swig" \
	  $(BIN)/pip --python $(VENV)/clients/bin/python install -q --no-deps --disable-pip-version-check python-ESL==1.4.18 \
	  && cp tests/interop/clients.txt $(VENV)/clients/installed \
	  || { rm -rf $(VENV)/clients; echo "They cannot be installed for this Python: those tests are skipped"; }; }

node-clients: | real-programs
	@command -v npm >/dev/null || { echo "There is no npm: tests of Node.js programs are skipped"; exit 0; }; \
	cmp -s tests/interop/clients/package.json $(VENV)/node/package.json || { echo "Installing programs of Node.js (once)"; \
	  mkdir -p $(VENV)/node && cp tests/interop/clients/package.json $(VENV)/node/ \
	  && npm install --prefix $(VENV)/node --silent --no-audit --no-fund --ignore-scripts \
	  || { rm -rf $(VENV)/node; echo "They cannot be installed here: those tests are skipped"; }; }

# As root the tests' Debian packages are installed; otherwise those tests skip, and the summary says so.
# Services of these packages are masked first: each would start with its package, and tests run their own in namespaces.
real-programs:
	@if [ "$$(id -u)" = 0 ]; then \
	  missing=""; for package in $(DEBIAN); do \
	    dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; done; \
	  for service in $(SERVICES); do case "$$missing " in *" $$service "*) mkdir -p /etc/systemd/system; \
	      [ -e /etc/systemd/system/$$service.service ] || ln -s /dev/null /etc/systemd/system/$$service.service || true;; esac; done; \
	  if [ -n "$$missing" ]; then echo "Installing$$missing"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null; fi; \
	fi

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Ringthru needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.11 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq -y python3-venv; } \
	  || { echo "Python cannot make a virtual environment here. Install it with: sudo apt-get install python3-venv"; exit 1; }
	@echo "Making a virtual environment in $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)

# The media engine in C needs a compiler; without one all else is installed, and audio goes through Python.
compiler:
	@if [ "$$(id -u)" = 0 ] && ! command -v gcc >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(COMPILER) >/dev/null || true; fi

$(VENV)/installed: $(VENV)/bin/python pyproject.toml setup.py $(wildcard src/ringthru/media/engine/native/*.[ch]) | compiler
	@echo "Installing Ringthru and what it needs (once)"
	@$(BIN)/pip install -q --disable-pip-version-check -e .
	@$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	@echo "Installing what the tests need (once)"
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[test]'
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[codecs]' \
	  || echo "The coders of G.722 and Opus cannot be installed here: what needs them is skipped"
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[prompts]' \
	  || echo "soundfile cannot be installed here: MP3, FLAC and OGG are not tried"
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[audio]' \
	  || echo "sounddevice cannot be installed here: nothing is tried on a real sound library"
	@$(BIN)/pip install -q --disable-pip-version-check --only-binary atheris -e '.[fuzz]' \
	  || echo "There is no atheris for this Python and system: the decoders are not fuzzed"
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[peers]' \
	  || echo "sippy and aiosipua cannot be installed here: nothing is tested against these SIP stacks"
	@touch $@

clean:
	rm -rf $(VENV) build dist .fuzz .pytest_cache .mypy_cache .ruff_cache .hypothesis
