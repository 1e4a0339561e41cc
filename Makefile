# Two commands, from a fresh clone:
#   make demo    makes a scene with telemetry over it, cleans it, writes demo/
#   make demo CLIP=flight.mp4    the same on footage of your own; with MASK=mask.png where telemetry is not found
#   make test    checks the source and runs the tests
# And: make docs writes the documentation as a site into dist/site; make docs-pictures makes its pictures again
# Further arguments: make demo ARGS="--frames 300 --size 1280x720", make test ARGS="-k cli"
# For people without Python:
#   make portable         a folder that runs without Python, and an archive of it, in dist/ (docs/portable.md)
#   make portable CUDA=1  the same with CUDA's libraries
#   make portable TORCH_INDEX=https://download.pytorch.org/whl/cpu    torch from there
#   make try-portable     runs the folder in a bare Debian (as root, with debootstrap); CLIP=... tries footage of yours
# Another Python: make demo PYTHON=/path/to/python3.13

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: demo test docs docs-pictures portable try-portable clean tools test-tools

CLIP ?=
MASK ?=
ARGS ?=
PYTHON ?=
CUDA ?=
TORCH_INDEX ?=
export CLIP MASK PYTHON

BIN := .venv/bin
LIBRARY := pyproject.toml engine/kernels.py $(wildcard build/*.py plugin/*.h)

demo: .venv/.installed tools
	@given=(); \
	[ -z "$$CLIP" ] || given+=(--clip "$$CLIP"); \
	[ -z "$$MASK" ] || given+=(--mask "$$MASK"); \
	$(BIN)/osdclean demo "$${given[@]}" $(ARGS)

test: .venv/.installed-test test-tools
	$(BIN)/ruff check .
	$(BIN)/python -m pytest $(ARGS)

docs: .venv/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-pictures: .venv/.installed tools
	$(BIN)/python docs/pictures.py
	$(BIN)/python docs/diagrams.py

# A Python of its own: PyInstaller takes what is installed, and torch there may be the CPU's
PORTABLE := .venv-portable
PACKED = osdclean-$$($(PORTABLE)/bin/osdclean --version | sed -n '1s/.* //p')-$$(uname -s | tr A-Z a-z)-$$(uname -m)$(if $(CUDA),-cuda)

portable: $(PORTABLE)/.installed
	@$(call need,zstd)
	$(PORTABLE)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --force-reinstall .
	OSDCLEAN_CUDA=$(CUDA) $(PORTABLE)/bin/pyinstaller --noconfirm --log-level WARN \
		--workpath build/out/portable --distpath dist build/osdclean.spec
	@cd dist && if [ "$$(uname -s)" = Linux ]; then \
		tar -c osdclean | zstd -q -f -19 --long=27 -T0 -o "$(subst $(PORTABLE),../$(PORTABLE),$(PACKED)).tar.zst"; \
	else zip -q -r -y "$(subst $(PORTABLE),../$(PORTABLE),$(PACKED)).zip" osdclean; fi
	@du -sh dist/*

try-portable:
	build/try_portable.sh dist/osdclean $(PORTABLE)/bin/osdclean "$$CLIP"

$(PORTABLE)/.installed: .venv/.made pyproject.toml
	$(BIN)/python -m venv --clear $(PORTABLE)
	[ -z "$(TORCH_INDEX)" ] || $(PORTABLE)/bin/python -m pip install --disable-pip-version-check \
		--index-url "$(TORCH_INDEX)" torch
	$(PORTABLE)/bin/python -m pip install --disable-pip-version-check '.[portable]'
	@touch $@

clean:
	rm -rf .venv $(PORTABLE) build/out build/dev dist demo

# VapourSynth notes which Python it belongs to; without the note plain vspipe does not start
.venv/.installed: .venv/.made $(LIBRARY)
	@command -v cc >/dev/null || { echo "A C compiler is needed: sudo apt install gcc" >&2; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check -e .
	@$(BIN)/vapoursynth config >/dev/null || true
	@touch $@

.venv/.installed-test: .venv/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[test]'
	@touch $@

.venv/.installed-docs: .venv/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[docs]'
	@touch $@

# A Python that VapourSynth can be embedded with: 3.12 or later, with headers and a shared library
define PROBE
import ensurepip, os, sys, sysconfig as s, venv
if sys.version_info < (3, 12):
    sys.exit("older than 3.12")
if not os.path.isfile(os.path.join(s.get_path("include"), "Python.h")):
    sys.exit("no headers (Debian: sudo apt install python3-dev)")
names = [n for n in s.get_config_vars("INSTSONAME", "LDLIBRARY") if n and ".so" in n or n and ".dylib" in n]
places = [p for p in s.get_config_vars("LIBDIR", "LIBPL", "srcdir") if p]
if sys.platform == "linux" and not any(os.path.isfile(os.path.join(p, n)) for p in places for n in names):
    sys.exit("no shared library (pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install 3.12)")
endef
export PROBE

.venv/.made: .python-version
	@if [ ! -x $(BIN)/python ] || ! $(BIN)/python -c "$$PROBE" 2>/dev/null; then \
		wanted=$$(cat .python-version); \
		mapfile -t found < <( \
			[ -z "$$PYTHON" ] || { command -v "$$PYTHON"; exit; }; \
			root=$${PYENV_ROOT:-$$HOME/.pyenv}; \
			for v in "$$root"/versions/"$$wanted"*/bin/python3; do [ -x "$$v" ] && echo "$$v"; done; \
			uv python find "$$wanted" 2>/dev/null; \
			for v in "$$wanted" 3.12 3.13 3.14 3; do command -v "python$$v"; done; \
			for v in "$$root"/versions/3.1[2-9]*/bin/python3; do [ -x "$$v" ] && echo "$$v"; done; \
		); \
		chosen=; \
		for python in "$${found[@]}"; do \
			if why=$$("$$python" -c "$$PROBE" 2>&1); then chosen=$$python; break; fi; \
			refused="$$refused"$$'\n'"  $$python: $$(tail -n 1 <<< "$$why")"; \
		done; \
		if [ -z "$$chosen" ]; then \
			echo "Python 3.12 or later is needed, with headers, venv and a shared library.$$refused" >&2; \
			echo "Debian 13: sudo apt install python3-venv python3-dev. Else name one: make PYTHON=..." >&2; \
			exit 1; \
		fi; \
		echo "making .venv with $$chosen"; \
		"$$chosen" -m venv --clear .venv; \
	fi
	@touch $@

tools:
	@$(call need,x265 ffmpeg)

test-tools:
	@$(call need,x265 x264 ffmpeg)

# programs of the same name as their Debian package
need = missing=; for tool in $(1); do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -n "$$missing" ]; then \
		if ! command -v apt-get >/dev/null; then \
			echo "Install$$missing with your package manager, then run make again." >&2; exit 1; \
		fi; \
		sudo=; \
		if [ "$$(id -u)" != 0 ]; then \
			command -v sudo >/dev/null || { echo "As root: apt install$$missing, then run make again." >&2; exit 1; }; \
			sudo=sudo; \
		fi; \
		echo "installing$$missing"; \
		{ $$sudo apt-get -q update && $$sudo env DEBIAN_FRONTEND=noninteractive \
			apt-get -q install -y --no-install-recommends $$missing; } || \
			{ echo "apt could not install$$missing; install it by hand, then run make again." >&2; exit 1; }; \
	fi
