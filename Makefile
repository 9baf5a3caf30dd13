# 衔接 Xianjie. `make` lists what there is.
PYTHON ?= python3
PORT ?= 8000
VAR ?= var
WORKERS ?= 2
PHONES ?= 500
DAYS ?= 7
KILLS ?= 200
SEEDS ?= 10000
SEED ?= 20240520
ANY_INPUT ?= 20
BIN := .venv/bin
READY := .venv/ready
RUN_READY := .venv/ready-to-run
SOURCES := shared services embedded operations tests docs benchmarks

.DEFAULT_GOAL := help
.PHONY: help run run-services pages check-web test-web test check check-types check-rest fix docs migrate migration fsck new-service district story bench fuzz storm backup restore restore-drill chaos simulate probe

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/python:
	@$(PYTHON) -m venv .venv || ($(PYTHON) -m pip install --user --quiet --break-system-packages virtualenv && $(PYTHON) -m virtualenv --quiet .venv)

$(RUN_READY): requirements/run.txt | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/run.txt
	@touch $(RUN_READY)

$(READY): requirements/dev.txt | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	@touch $(READY)

run: $(if $(LAN),$(READY),$(RUN_READY))  ## everything in one process at http://127.0.0.1:8000 (PORT=, VAR=, LAN=1 for phones)
	@$(if $(LAN),XIANJIE_DOOR_PROXIES='["127.0.0.1/32"]') $(BIN)/python -m embedded --port $(PORT) --var $(VAR) --pages $(if $(LAN),--lan 8443)

run-services: $(READY)  ## one process per service over TCP, Caddy in front at PORT
	@$(BIN)/python -m embedded.processes --port $(PORT) --var $(VAR) --pages

pages: $(RUN_READY)  ## build the pages of web/ now (desk, phone)
	@$(BIN)/python -m embedded.pages

test-web: $(RUN_READY)  ## the desk, the phone and the board in a real browser (PICTURES=docs/pictures, SPECS=desk-finance)
	@$(BIN)/python -m embedded.pages && XIANJIE_SPECS="$(SPECS)" XIANJIE_PICTURES=$(if $(PICTURES),$(abspath $(PICTURES))) $(BIN)/python -m embedded.pages e2e

check-web: $(RUN_READY)  ## types, lint and unit tests of web/
	@$(BIN)/python -m embedded.pages check

fsck: $(RUN_READY)  ## do the tables follow from the logs? VAR= of a stopped run or a copy, or URL= and TOKEN= of an auditor
	@$(BIN)/python -m operations.fsck $(if $(URL),--url $(URL) --token $(TOKEN),--var $(VAR))

story: $(RUN_READY)  ## tell 1,259 万元 of real money to a running system, step by step (PORT=)
	@$(BIN)/python -m operations.demo --url http://127.0.0.1:$(PORT)

work-plan: $(RUN_READY)  ## load the work plan of 2022 with its targets into a running system (PORT=)
	@$(BIN)/python -m operations.work_plan --url http://127.0.0.1:$(PORT)

test: $(READY)  ## the whole suite on SQLite and on PostgreSQL
	DATABASE=sqlite $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
	DATABASE=postgres $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: $(READY)  ## format, lint, types, imports, images and compose file, fresh reference pages
	@$(MAKE) --no-print-directory --jobs 2 check-types check-rest

check-types: $(READY)
	$(BIN)/mypy

check-rest: $(READY)
	$(BIN)/ruff format --check --quiet $(SOURCES) && $(BIN)/ruff check --quiet $(SOURCES)
	$(BIN)/lint-imports --no-logo
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/compose-lint --no-env --strict-config --fail-on low --quiet --skip-suppressed deploy/docker-compose.yml
	$(BIN)/python -m embedded.generate --check && $(BIN)/python -m docs.generate --check

fix: $(READY)  ## format and repair what can be repaired
	@$(BIN)/ruff check --fix --quiet $(SOURCES); $(BIN)/ruff format --quiet $(SOURCES)

docs: $(READY)  ## write what follows from the code: tables of services, deploy/, reference pages
	@$(BIN)/python -m embedded.generate && $(BIN)/python -m docs.generate

district: $(RUN_READY)  ## load a further district with demo accounts into a running system: DISTRICT=632323
	@XIANJIE_VAR=$(VAR) $(BIN)/python -m services.identity.load_regions $(DISTRICT) --demo

migrate: $(READY)  ## bring one database up to date: SERVICE=funds
	@$(BIN)/python -m shared.db.migrate $(SERVICE)

migration: $(READY)  ## write the next migration: SERVICE=funds MESSAGE="add visits"
	@$(BIN)/python -m shared.db.migrate $(SERVICE) --new "$(MESSAGE)"

backup: $(READY)  ## databases, files and sealed keys at one instant: TO=folder (VAR=, OPTIONS="--recipient …"), docs/operating.md
	@$(BIN)/python -m operations.backup $(VAR) $(TO) $(OPTIONS)

restore: $(READY)  ## an installation from a backup: FROM=folder VAR=an-empty-folder
	@$(BIN)/python -m operations.restore $(FROM) $(VAR) $(OPTIONS)

restore-drill: $(READY)  ## restore beside the running system, compare, tell RPO and RTO, remove: FROM=folder
	@$(BIN)/python -m operations.restore_drill $(FROM) $(OPTIONS)

probe: $(READY)  ## what a PostgreSQL-like server lacks: URL=postgresql://…
	@$(BIN)/python -m operations.probe $(URL)

chaos: $(READY)  ## kill services and PostgreSQL under load, then check what was acknowledged: KILLS=200 SEED=
	@$(BIN)/python -m operations.chaos --kills $(KILLS) --seed $(SEED) $(OPTIONS)

simulate: $(READY)  ## relay, commitments and refresh tokens under seeded faults: SEEDS=10000
	@SEEDS=$(SEEDS) $(BIN)/python -m pytest tests/trust -k simulated -q

fuzz: $(READY)  ## every boundary of every parameter and random requests: ANY_INPUT=20 of each kind per address, SERVICE=funds for one
	@ANY_INPUT=$(ANY_INPUT) $(BIN)/python -m pytest "tests/api/test_fuzzing.py$(if $(SERVICE),::test_no_request_makes_a_service_fail[$(SERVICE)])" -q

storm: $(READY)  ## simulated phones for a week on a bad line: PHONES=500 DAYS=7 SEED=20240520
	@STORM_PHONES=$(PHONES) STORM_DAYS=$(DAYS) STORM_SEED=$(SEED) $(BIN)/python -m pytest tests/sync/test_storm.py -k never_read_back -s -q
	@STORM_UPLOAD_KB=5000 $(BIN)/python -m pytest tests/files -k cut_again_and_again -s -q

bench: $(READY)  ## figures on a quiet machine: BENCH=screening, check_ins, burst, months, ledger, library, assets, gateway, overload, restore_drill, province, partitions or requests
	@$(BIN)/python -m benchmarks.$(BENCH)

new-service: $(READY)  ## make a new service: NAME=monitoring LABEL=监测
	@$(BIN)/python -m embedded.new_service $(NAME) --label "$(LABEL)"
