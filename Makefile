# The commands of Tallystick. `make demo` and `make test` need Python 3.11 or newer and make, and nothing else.
.DEFAULT_GOAL := help
.PHONY: help venv demo sandbox link stop wipe test soak explore browser check style types floors tidy fmt bench lock card clean

PYTHON_IN_VENV := .venv/bin/python
TALLYSTICK := $(PYTHON_IN_VENV) -m tallystick
RUN_FILES := requirements/install $(wildcard requirements/uv.txt requirements/run.txt requirements/postgres.txt)
JOBS ?= 2
# Without compiled files each process compiles anew what it imports, which is most of its start.
unexport PYTHONDONTWRITEBYTECODE

help:
	@echo "make demo    a whole country: tills sell, buyers can verify   (STORES=n ALL=1 FRESH=1 KEEP=1 CALM=1 HOST=address)"
	@echo "make sandbox for makers of POS, E-SDCs, registers, ERP: an authority, test cards, test registers   (FRESH=1 HOST=address)"
	@echo "make stop    end a demo that was left running                 make wipe    remove the demo's country"
	@echo "make test    the tests, without the browser's                 make browser the browser's tests"
	@echo "make soak    kills, whole days and floods: the long tests         make explore the property tests with new examples"
	@echo "make check   style, types, import floors, tidiness            make fmt     put the style right"
	@echo "make bench   the figures, each against its limit (FULL=1)     make venv    build .venv for development"
	@echo "make lock    compile requirements/*.in anew                   make clean   remove what make built here"

# One environment serves all: `run` is what the programs need, `test` adds what tests and checks need.
.venv/.run: $(RUN_FILES)
	@sh requirements/install run

.venv/.test: $(RUN_FILES) requirements/test.txt
	@sh requirements/install test

.venv/.data: requirements/data.txt | .venv/.run
	@sh requirements/install data

venv: .venv/.test

demo: .venv/.run .venv/.data
	@$(TALLYSTICK) demo $(if $(STORES),--stores $(STORES)) $(if $(ALL),--all) $(if $(BASKETS),--baskets $(BASKETS)) $(if $(FRESH),--fresh) \
		$(if $(KEEP),--keep) $(if $(CALM),--calm) $(if $(HOST),--host $(HOST))

sandbox: .venv/.run
	@$(TALLYSTICK) sandbox start $(if $(FRESH),--fresh) $(if $(HOST),--host $(HOST))

link: .venv/.run
	@$(TALLYSTICK) state link

stop: .venv/.run
	@$(TALLYSTICK) state stop

wipe: .venv/.run
	@$(TALLYSTICK) state wipe

test: .venv/.test
	$(PYTHON_IN_VENV) -m pytest -n $(JOBS) --dist worksteal -rs -m "not browser and not soak" --ignore=tests/browser $(ARGS)

soak: .venv/.test
	$(PYTHON_IN_VENV) -m pytest -n $(JOBS) --dist worksteal -rs -m soak --ignore=tests/browser $(ARGS)

explore: .venv/.test
	$(PYTHON_IN_VENV) -m pytest -n $(JOBS) --dist worksteal -m "hypothesis and not browser" --ignore=tests/browser --hypothesis-profile=explore $(ARGS)

browser: .venv/.test
	$(PYTHON_IN_VENV) -m pytest -rs -m browser tests/browser $(ARGS)

# All four parts run, also when one fails.
check: .venv/.test
	@$(MAKE) --no-print-directory --keep-going style types floors tidy

style: .venv/.test
	.venv/bin/ruff check . && .venv/bin/ruff format --check .

types: .venv/.test
	.venv/bin/mypy

floors: .venv/.test
	.venv/bin/lint-imports

tidy: .venv/.test
	$(PYTHON_IN_VENV) -m pytest -q tests/tidy

fmt: .venv/.test
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: .venv/.test .venv/.data
	@$(PYTHON_IN_VENV) -m benchmarks $(if $(FULL),--full)

lock: .venv/.run
	@sh requirements/lock

card: .venv/.run
	@command -v swig >/dev/null && test -e /usr/include/PCSC/winscard.h || { \
		echo "a real card reader needs, on Debian: apt-get install swig gcc libpcsclite-dev pcscd"; exit 1; }
	$(PYTHON_IN_VENV) -m pip install --require-hashes --no-deps -r requirements/card.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist test-results
