# Two commands: `make demo` and `make test`. Both set up .venv first.
.PHONY: demo serve test lint page bench clean

PYTHON ?= python3
BIN := .venv/bin
# One thread per process; large blocks of memory are kept instead of returned after each use.
export OMP_NUM_THREADS ?= 1
export MALLOC_MMAP_THRESHOLD_ ?= 1073741824
export MALLOC_TRIM_THRESHOLD_ ?= 2147483648

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

VENDOR := service/relaxd/service/page/vendor
page: $(VENDOR)
$(VENDOR): service/package.json service/package-lock.json
	cd service && npm ci --silent --ignore-scripts --no-audit --no-fund && npm run --silent vendor
	touch $@

demo: .venv/installed page
	$(BIN)/python examples/demo.py

serve: .venv/installed page
	$(BIN)/relaxd serve

test: lint
	$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: .venv/installed page
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd service && npm run --silent lint

bench: .venv/installed
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/service_overhead.py

clean:
	rm -rf .venv out dist service/node_modules $(VENDOR)
