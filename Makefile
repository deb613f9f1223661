# Denoising Audio MNIST: five notebooks, one report.  `make help` lists the targets.
#
# Each notebook is executed into build/<corpus>-<profile>/ once all that it depends on is there:
# its source, the code in lib/, the parameters, and the notebook before it.  Everything is written
# under a temporary name and renamed when whole, so a run that was stopped resumes where it was.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := report

## CORPUS: sample (default), fsdd or audiomnist
CORPUS ?= $(if $(DATA_DIR),audiomnist,sample)
## PROFILE: smoke, quick (default) or full: the budget of the run
PROFILE ?= quick
## DATA_DIR: a corpus that is already on disk; without it fsdd and audiomnist are downloaded
DATA_DIR ?=
## PARAMS: a YAML file that overrides settings of lib/config.py
PARAMS ?=
## PLAYERS: 1 (default), or 0 for a report without sound
PLAYERS ?= 1
## MODEL: the network of make denoise; without it the one that comes with the project
MODEL ?=
## PYTHON: the Python (3.10 to 3.13) that makes the virtual environment
PYTHON ?= python3
## VENV: the virtual environment, made on first use
VENV ?= .venv

PY := $(VENV)/bin/python
BUILD := build/$(CORPUS)-$(PROFILE)
REPORT := report/$(CORPUS)
SERIES := 01_data_exploration 02_spectrogram_preparation 03_model_training 04_evaluation \
          05_speaker_analysis
EXECUTED := $(SERIES:%=$(BUILD)/%.ipynb)
RENDERING := lib/report/export.py lib/report/markdown.py lib/report/provenance.py
ASIDE := lib/denoise.py lib/report/card.py lib/report/readme.py  # no part of any report
CODE := $(filter-out $(RENDERING) $(ASIDE),$(wildcard lib/*.py lib/*/*.py lib/*/*/*.py))

# The user's settings that act before Python starts; lib/environment.py sees to the others.
unexport BASH_ENV CDPATH PYTHONCASEOK PYTHONCOERCECLOCALE PYTHONDEVMODE PYTHONHOME PYTHONINSPECT \
    PYTHONIOENCODING PYTHONOPTIMIZE PYTHONPATH PYTHONPLATLIBDIR PYTHONSAFEPATH PYTHONSTARTUP \
    PYTHONUSERBASE PYTHONVERBOSE PYTHONWARNINGS VIRTUAL_ENV
export PYTHONHASHSEED := 0
export PYTHONNOUSERSITE := 1
export PYTHONUNBUFFERED := 1
export PYTHONUTF8 := 1
# Packages go into the virtual environment, each in the version that the project asks for.
unexport PIP_ABI PIP_CONSTRAINT PIP_DRY_RUN PIP_EDITABLE PIP_FORCE_REINSTALL PIP_IGNORE_INSTALLED \
    PIP_IMPLEMENTATION PIP_NO_BINARY PIP_NO_DEPENDENCIES PIP_NO_DEPS PIP_ONLY_BINARY \
    PIP_PLATFORM PIP_PRE PIP_PREFIX PIP_PYTHON PIP_PYTHON_VERSION PIP_REQUIREMENT \
    PIP_REQUIRE_HASHES PIP_ROOT PIP_TARGET PIP_UPGRADE
export PIP_USER := 0

.PHONY: report rendered compare compared search searched test check lab denoise publish data clean help FORCE

report: $(VENV)/.complete  ## run the notebooks that need it and render the report
	@$(PY) -m lib.lock build/$(CORPUS).lock $(MAKE) --no-print-directory --silent rendered
	@echo "── $(REPORT)/report.html and $(REPORT)/report.pdf are up to date"

compare: $(VENV)/.complete-compare  ## score published denoisers on the same clips, then report
	@$(PY) -m lib.lock build/$(CORPUS).lock $(MAKE) --no-print-directory --silent compared
	@echo "── the published denoisers are in $(REPORT)/report.html and $(REPORT)/report.pdf"

search: $(VENV)/.complete  ## try the variants of our model again, then report; an hour with fsdd
	@$(PY) -m lib.lock build/$(CORPUS).lock $(MAKE) --no-print-directory --silent searched
	@echo "── what was tried is in $(REPORT)/report.html and $(REPORT)/report.pdf"

test: $(VENV)/.complete-dev  ## run the tests; no network needed
	@$(PY) -m pytest

check: $(VENV)/.complete-dev  ## lint, format, spelling, types, docstrings, dead code, clean notebooks
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m codespell_lib
	$(PY) -m mypy
	$(PY) -m numpydoc lint lib/*.py lib/*/*.py lib/*/*/*.py
	$(PY) -m vulture
	$(PY) -m nbstripout --keep-id --verify notebooks/*.ipynb

lab: $(VENV)/.complete  ## open the notebooks in Jupyter
	@$(PY) -c 'import lib, jupyterlab.labapp as lab; lab.main()' notebooks

denoise: $(VENV)/.complete  ## denoise a recording: make denoise IN=a.wav OUT=b.wav
	@$(if $(and $(IN),$(OUT)),,$(error usage: make denoise IN=noisy.wav OUT=denoised.wav))
	@$(PY) -m lib.denoise "$(IN)" "$(OUT)" $(if $(MODEL),--model "$(MODEL)")

publish: $(VENV)/.complete  ## after a full run on fsdd: its network, model card and README table
	@$(PY) -m lib.report.card
	@$(PY) -m lib.report.readme

data: $(VENV)/.complete  ## fetch the corpus without running anything
	@$(PY) -m lib.lock build/$(CORPUS).lock \
	    $(PY) -c 'import sys; from lib import corpora; corpora.open_corpus(*sys.argv[1:])' \
	    "$(CORPUS)" "$(DATA_DIR)"

clean:  ## remove build/ and caches; keeps reports, downloads and the environment
	rm -rf build .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find lib tests -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## list the targets and the variables
	@echo "Targets:"
	@sed -n 's/^\([a-z][a-z]*\):.*  ## \(.*\)/  \1	\2/p' Makefile | expand -t 14
	@echo "Variables:"
	@sed -n 's/^## \([A-Z_]*\): \(.*\)/  \1	\2/p' Makefile | expand -t 14

# ---- The report.  The pattern makes both files at once.

rendered: $(REPORT)/report.html $(REPORT)/report.pdf

$(REPORT)/%.html $(REPORT)/%.pdf: $(EXECUTED) $(RENDERING) $(wildcard lib/report/assets/*) \
    $(wildcard notebooks/*.bib notebooks/*.md) build/$(CORPUS).shown
	@echo "── rendering $(REPORT)"
	@$(PY) -m lib.report.export $(BUILD) --output $(REPORT) $(if $(filter 0,$(PLAYERS)),--no-players)

$(BUILD)/02_spectrogram_preparation.ipynb: $(BUILD)/01_data_exploration.ipynb
$(BUILD)/03_model_training.ipynb: $(BUILD)/02_spectrogram_preparation.ipynb \
    $(wildcard $(BUILD)/search.json)
$(BUILD)/04_evaluation.ipynb: $(BUILD)/03_model_training.ipynb $(wildcard $(BUILD)/peers.json)
$(BUILD)/05_speaker_analysis.ipynb: $(BUILD)/04_evaluation.ipynb

$(BUILD)/%.ipynb: notebooks/%.ipynb $(CODE) $(BUILD)/.parameters
	@$(PY) -m lib.report.execute $< $@ -p corpus "$(CORPUS)" -p profile "$(PROFILE)" \
	    -p data_dir "$(DATA_DIR)" -p params_file "$(PARAMS)"

# The scores of the peers, and what was tried, are written anew only when they changed; the
# notebooks that read them are then stale.
compared: $(BUILD)/03_model_training.ipynb
	@$(PY) -m lib.contest "$(CORPUS)" "$(PROFILE)" "$(DATA_DIR)" "$(PARAMS)"
	@$(MAKE) --no-print-directory --silent rendered

searched: $(BUILD)/02_spectrogram_preparation.ipynb
	@$(PY) -m lib.search "$(CORPUS)" "$(PROFILE)" "$(DATA_DIR)" "$(PARAMS)"
	@$(MAKE) --no-print-directory --silent rendered

# ---- Files that change only when what they hold changes.

remember = mkdir -p $(@D); text="$$(printf '%s\n' $(1))"; \
    [ "$$text" = "$$(cat $@ 2>/dev/null)" ] || printf '%s\n' "$$text" > $@

$(BUILD)/.parameters: FORCE
	@$(call remember,"$(CORPUS)" "$(DATA_DIR)" "$(PARAMS)" "$$([ -z "$(PARAMS)" ] || cat "$(PARAMS)")")

build/$(CORPUS).shown: FORCE
	@$(call remember,"$(PROFILE)" "$(PLAYERS)")

# ---- The environment.  The stamp comes last: an installation that was stopped starts afresh.
# Its Python finds lib before any other on the PYTHONPATH, unless that is a copy of this project.

$(VENV)/.complete: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' || \
	    { echo "error: PYTHON=$(PYTHON) must be Python 3.10 to 3.13." >&2; exit 1; }
	@echo "── installing the packages into $(VENV) (some minutes, once)"
	@[ -f $@ ] || $(PYTHON) -m venv $(if $(filter .venv,$(VENV)),--clear) $(VENV)
	@rm -f $@
	@$(PY) -m pip install --disable-pip-version-check -r requirements.txt
	@$(PY) -c 'import os, pathlib, sysconfig; \
	    path = pathlib.Path(sysconfig.get_path("purelib"), "denoising_audio_mnist.pth"); \
	    line = "import os, sys; given = os.environ.get(\"PYTHONPATH\", str()); " \
	        "os.path.exists(given + \"/lib/environment.py\") or sys.path.insert(0, {!a})\n"; \
	    path.write_text(line.format(os.getcwd()), encoding="ascii")'
	@touch $@

$(VENV)/.complete-dev: requirements-dev.txt $(VENV)/.complete
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(VENV)/.complete-compare: requirements-compare.txt $(VENV)/.complete
	@$(PY) -c 'import sys; sys.exit(sys.version_info >= (3, 13))' || \
	    { echo "error: make compare needs Python 3.10 to 3.12 in VENV=$(VENV)." >&2; exit 1; }
	@echo "── installing the published denoisers into $(VENV)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-compare.txt
	@touch $@
