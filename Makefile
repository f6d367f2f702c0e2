# The commands of the project. The first of them on a fresh machine makes the environment.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed
TOOLS  := build/tools
# Tests run in two processes; those of a file stay together.
TWO    := --numprocesses 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo run traces reembed test test-wheel test-images lint format protos docs bench bench-index bench-scaling bench-dashboards eval eval-extraction fit-ranking cost-ranking chaos fuzz sbom audit clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-15s %s\n", $$1, $$2}'

$(READY): pyproject.toml requirements.txt requirements-bare.txt
	@"$(PYTHON)" -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@echo "installing; the first time this takes a few minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-bare.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# What looks at the packages needs many of its own: they stay out of the project's environment.
$(TOOLS)/.installed: Makefile
	test -x $(TOOLS)/bin/python || "$(PYTHON)" -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0 pip-audit==2.10.1
	@touch $@

demo: $(READY) ## Play a conversation and show what is remembered (CONVERSATION=path: a LoCoMo file)
	@$(BIN)/python -m examples.demo $(if $(CONVERSATION),--conversation "$(CONVERSATION)")

run: $(READY) ## Serve the whole stack on this machine until Ctrl-C
	@$(BIN)/python -m examples.stack

traces: $(READY) ## Play two calls and show what is traced of them
	@$(BIN)/python -m examples.tracing

reembed: $(READY) ## Change the embedding model while services serve (ARGS=--finish: when all are on it)
	@$(BIN)/python -m memory_service.reembed $(ARGS)

test: $(READY) ## Run every test (PYTEST_ARGS)
	$(BIN)/python -m pytest $(TWO) $(PYTEST_ARGS)

test-wheel: ## Run the tests against the built wheel, in a clean environment (PYTEST_ARGS)
	"$(PYTHON)" -m tests.from_wheel $(TWO) $(PYTEST_ARGS)

test-images: $(READY) ## Build and try what goes into the images, the extractor's too, which takes minutes
	TEST_EXTRACTOR_IMAGE=1 $(BIN)/python -m pytest tests/deploy/test_images.py

lint: $(READY) ## Check style, types, the contract, and that what is made from it is current
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/buf lint
	$(BIN)/buf breaking --against protos/baseline.binpb
	$(BIN)/python protos/generate.py --check

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

protos: $(READY) ## Generate the stubs and the reference
	$(BIN)/python protos/generate.py

docs: $(READY) ## Generate the pages about settings and licences, and the dashboards
	$(BIN)/python docs/configuration.py
	$(BIN)/python docs/licences.py
	$(BIN)/python deploy/components/monitoring/dashboards.py

bench: $(READY) ## Measure the running service beside the raw parts
	$(BIN)/python -m tests.benchmarks

bench-index: $(READY) ## Measure the vector index: recall, latency, memory, load rate (ARGS=--quick)
	$(BIN)/python -m tests.benchmarks.index $(ARGS)

bench-scaling: $(READY) ## Measure what the scaling guide says, and write it there (ARGS=--quick, --page-only)
	$(BIN)/python -m tests.benchmarks.scaling $(ARGS)

bench-dashboards: $(READY) ## Draw the dashboards from a run of the benchmark; needs Prometheus (ARGS=--help)
	$(BIN)/python -m tests.benchmarks.dashboards $(ARGS)

eval: $(READY) ## Measure what is found (DATASET=path: LoCoMo or .jsonl; OUT=path.json; PUBLISHED=path; ARGS=--help)
	$(BIN)/python -m tests.evaluation.retrieval --dataset "$(DATASET)" $(if $(OUT),--out "$(OUT)") $(if $(PUBLISHED),--published "$(PUBLISHED)") $(ARGS)

fit-ranking: $(READY) ## Fit the weights of the ranking, and say what each feature gains (DATASET=path, as eval)
	$(BIN)/python -m tests.evaluation.retrieval.fit --dataset "$(DATASET)"

cost-ranking: $(READY) ## Say what each ingredient of a search costs, in milliseconds (DATASET=path, as eval)
	$(BIN)/python -m tests.evaluation.retrieval.cost --dataset "$(DATASET)" $(ARGS)

eval-extraction: $(READY) ## Measure what is extracted (DATASET=path: a LoCoMo file; OUT=path.json; GOLD=path.jsonl: texts)
	$(BIN)/python -m tests.evaluation.extraction.by_service --dataset "$(DATASET)" $(if $(GOLD),--gold "$(GOLD)") $(if $(OUT),--out "$(OUT)")

chaos: $(READY) ## Strike a stack under load, then look for what was lost (SEED, MINUTES, FAULTS; picture in build/)
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(FAULTS),--faults $(FAULTS))

fuzz: $(READY) ## Send thousands of random and nearly valid messages (SEED, EXAMPLES of each method)
	FUZZ_EXAMPLES=$(or $(EXAMPLES),60) FUZZ_SEED=$(or $(SEED),1) $(BIN)/python -m pytest -q --timeout 3600 tests/contract/fuzz

sbom: $(READY) $(TOOLS)/.installed ## List the packages with licences, as CycloneDX JSON (OUT=build/sbom.json; ENVIRONMENT=path)
	$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file $(or $(OUT),build/sbom.json) $(or $(ENVIRONMENT),$(VENV))

audit: $(TOOLS)/.installed ## Ask PyPI for advisories about the pins; one that cannot be asked about fails it
	cat requirements.txt requirements-bare.txt > build/pins.txt
	rm -f build/audit.txt
	$(TOOLS)/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off \
		--output build/audit.txt --requirement build/pins.txt || { \
		cat build/audit.txt 2>/dev/null || echo "nothing was audited: PyPI (https://pypi.org/pypi/NAME/VERSION/json) did not answer for every pin"; exit 1; }

clean: ## Remove the environment and what tools left
	rm -rf $(VENV) $(TOOLS) build/wheel .pytest_cache .mypy_cache .ruff_cache .hypothesis examples/node/node_modules
