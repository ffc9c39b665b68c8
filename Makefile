# make demo   install, fetch a conversation, and print who said what; then learn the voices of a
#             meeting, and print who said what in another
# make test   install, and run the tests
# make bench  simulate conversations (build/simulated, once), install other people's systems beside,
#             run all of them over the same recordings, and make a page: build/bench/report.md
#             (hours; what has been run is kept). With SIMULATED=DIR, over the simulated sets in DIR
#             instead; with SETS='sample FOLDER', over these only; with PEERS='senko foxnose', these
#             systems only
# make simulated   the simulated sets alone
#
# Another interpreter: make demo PYTHON=python3.12

PYTHON ?= python3
SETS ?=
SIMULATED ?=
PEERS ?= all
GROWTH_SETS ?= $(if $(SETS),,speakerbox)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
# What benchmarks/page.toml wants of benchmarks/simulated.toml and of benchmarks/words.toml
HELD := clips30 phone broadcast meeting farfield noisy many long
WORDS := tel meet cast clean
MADE := build/simulated
SHOWN := $(or $(SIMULATED),$(if $(SETS),,$(MADE)))
SIMULATOR := benchmarks/simulate.py $(shell find benchmarks/simulator -type f -not -name '*.pyc')
SOURCES := pyproject.toml $(shell find diarize models -type f -not -name '*.pyc')

.PHONY: demo test bench simulated words lint clean

demo: $(VENV)/.demo-installed
	$(BIN)/python -m benchmarks.data fetch sample --cache .demo
	$(BIN)/diarize transcribe .demo/sample/sample.wav
	@echo
	@echo '# Voices remembered: clips of two meetings of one city council. The names given after the'
	@echo '# first come out in the second by themselves; whoever did not speak in it stays a letter.'
	@rm -f .demo/voices.db .demo/voices.db-*
	$(BIN)/python -m benchmarks.data fetch speakerbox --cache .demo
	$(BIN)/python -m benchmarks.excerpt .demo/speakerbox/6d6702d7b820.wav 5 65.6 .demo/first.wav
	$(BIN)/python -m benchmarks.excerpt .demo/speakerbox/9f581faa5ece.wav 163.4 231.6 .demo/second.wav
	$(BIN)/diarize turns .demo/first.wav -f txt,json -o .demo
	@cat .demo/first.txt
	$(BIN)/diarize voices enrol .demo/first.json A=Morales B=Herbold C=Mosqueda \
		--audio .demo/first.wav --store .demo/voices.db
	$(BIN)/diarize transcribe .demo/second.wav --voices .demo/voices.db

test: $(VENV)/.test-installed
	@if command -v chromium >/dev/null; then set -- ; else \
		echo 'Without Chromium (Debian: apt install chromium) the page is not tested.'; \
		set -- -m 'not browser'; fi; \
	$(BIN)/python -m pytest -n 2 --dist loadfile "$$@"

lint: $(VENV)/.dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A system that cannot be installed is left out; the page says which are in it.
bench: $(VENV)/.bench-installed $(if $(filter $(MADE),$(SHOWN)),simulated)
	-$(BIN)/python -m benchmarks.peers install $(PEERS)
	$(BIN)/python -m benchmarks.report $(SETS) $(if $(SHOWN),--simulated $(SHOWN)) \
		--peers $(PEERS) --all $(if $(GROWTH_SETS),--growth $(GROWTH_SETS))

# Where the voices with words cannot be had (npm's registry), the page says that it is without them.
simulated: $(HELD:%=$(MADE)/%/.made)
	-@$(MAKE) --no-print-directory words

words: $(WORDS:%=$(MADE)/%/.made)

$(HELD:%=$(MADE)/%/.made): $(MADE)/%/.made: benchmarks/simulated.toml $(SIMULATOR) \
		| $(VENV)/.bench-installed
	rm -rf $(@D)
	$(BIN)/python -m benchmarks.simulate --recipe $< --sets $* --seed 2 --out $(MADE)
	@touch $@

$(WORDS:%=$(MADE)/%/.made): $(MADE)/%/.made: benchmarks/words.toml build/kokoro/.spoken $(SIMULATOR)
	rm -rf $(@D)
	$(BIN)/python -m benchmarks.simulate --recipe $< --sets $* --seed 1 --out $(MADE) \
		--voices build/kokoro
	@touch $@

build/kokoro/.spoken: benchmarks/kokoro_voices.py benchmarks/kokoro_sentences.txt \
		| $(VENV)/.bench-installed
	$(BIN)/python -m benchmarks.kokoro_voices $(@D)
	@touch $@

clean:
	rm -rf $(VENV) .demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=python3.11'; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo 'No virtual environment could be made; on Debian: apt install python3-venv'; exit 1; }
	@touch $@

$(VENV)/.demo-installed: $(VENV)/.made $(SOURCES)
	$(PIP) '.[whisper-base,openvino]'
	@touch $@

$(VENV)/.test-installed: $(VENV)/.made $(SOURCES)
	$(PIP) '.[whisper-base,openvino,server,test,test-page]'
	@touch $@

$(VENV)/.dev-installed: $(VENV)/.made $(SOURCES)
	$(PIP) '.[server,dev]'
	@touch $@

$(VENV)/.bench-installed: $(VENV)/.made $(SOURCES)
	$(PIP) '.[whisper-base,openvino,bench]'
	@touch $@
