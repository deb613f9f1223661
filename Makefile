# Denoising Audio MNIST: five notebooks, one report.  `make help` lists the targets.
#
# Each notebook is executed into build/<corpus>-<profile>/ when something that it depends on has
# changed: its text, the code that it uses, the parameters, the data, or the notebook before it.  Every
# file is written under a temporary name and renamed when complete, so a stopped run resumes where it
# stopped, and a good file is never removed before its successor is complete.
#
# Restricted to GNU make 3.81 and bash 3.2, the versions of macOS.

SHELL := /bin/bash
.SUFFIXES:
.DEFAULT_GOAL := report

# Values are taken exactly as typed, including `$`, and reach commands through the environment only,
# never as part of the text of a shell command.
VARIABLES := CORPUS PROFILE DATA_DIR VOICES_DIR PARAMS PLAYERS IN OUT MODEL PYTHON VENV
$(foreach name,$(VARIABLES),$(if $(filter-out undefined,$(origin $(name))),\
    $(eval override $(name) := $$(value $(name)))))
MAKEOVERRIDES :=

## CORPUS: sample (default), fsdd or audiomnist; for make data also speech-commands
CORPUS ?= $(if $(DATA_DIR),audiomnist,sample)
## PROFILE: the budget of the run: smoke, quick (default) or full
PROFILE ?= quick
## DATA_DIR: a copy of the corpus on disk; else fsdd and audiomnist are downloaded
DATA_DIR ?=
## VOICES_DIR: a copy of Speech Commands on disk, for make voices and curve; else downloaded
VOICES_DIR ?=
## PARAMS: a YAML file that overrides settings in lib/config
PARAMS ?=
## PLAYERS: 1 (default), or 0 for a report without audio
PLAYERS ?= 1
## MODEL: the network for make denoise; by default the one in the repository
MODEL ?=
## PYTHON: the Python (3.10 to 3.13) that creates the virtual environment
PYTHON ?= python3
## VENV: the virtual environment, created on first use
VENV ?= .venv

# lib.workspace.variables checks them; it also needs the targets, and the given names not among them.
GOALS := $(or $(MAKECMDGOALS),report)
UNKNOWN := $(strip $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name))))
export $(VARIABLES) GOALS UNKNOWN

# These three become parts of file names, and most punctuation has a meaning in the rules of make.
NAMES := $(CORPUS)$(PROFILE)$(VENV)
ifneq ($(words [$(CORPUS)] [$(PROFILE)] $(filter-out -%,$(VENV))) $(strip \
    $(foreach char,: ; % = | & \ * ? [ ] ( ) { } < > ' " ` $$ !,$(findstring $(char),$(NAMES)))),3 )
$(error error: CORPUS, PROFILE and VENV must be plain names without spaces, got \
    CORPUS=$(CORPUS) PROFILE=$(PROFILE) VENV=$(VENV))
endif

PY := $(VENV)/bin/python
BUILD := build/$(CORPUS)-$(PROFILE)
REPORT := report/$(CORPUS)
SERIES := 01_data_exploration 02_spectrogram_preparation 03_model_training 04_evaluation \
          05_speaker_analysis
EXECUTED := $(SERIES:%=$(BUILD)/%.ipynb)
STAMPS := $(BUILD)/.parameters $(BUILD)/.data $(SERIES:%=$(BUILD)/.%.code) $(BUILD)/.rendering.code \
    build/$(CORPUS).shown
# Once the environment exists, `make -n` recurses and shows the notebooks, too.
LOCKED = $(if $(wildcard $(PY)),+)$(PY) -m lib.workspace.lock build/$(CORPUS).lock \
    $(MAKE) --no-print-directory --silent

# The user's settings that act before Python starts; lib/environment.py handles the others.
unexport BASH_ENV CDPATH PYTHONCASEOK PYTHONCOERCECLOCALE PYTHONDEVMODE PYTHONHOME PYTHONINSPECT \
    PYTHONIOENCODING PYTHONOPTIMIZE PYTHONPATH PYTHONPLATLIBDIR PYTHONSAFEPATH PYTHONSTARTUP \
    PYTHONUSERBASE PYTHONVERBOSE PYTHONWARNINGS VIRTUAL_ENV
export PYTHONHASHSEED := 0
export PYTHONNOUSERSITE := 1
export PYTHONUNBUFFERED := 1
export PYTHONUTF8 := 1
# Packages are installed into the virtual environment, in the versions that the project pins.
unexport PIP_ABI PIP_CONSTRAINT PIP_DRY_RUN PIP_EDITABLE PIP_FORCE_REINSTALL PIP_IGNORE_INSTALLED \
    PIP_IMPLEMENTATION PIP_NO_BINARY PIP_NO_DEPENDENCIES PIP_NO_DEPS PIP_ONLY_BINARY \
    PIP_PLATFORM PIP_PRE PIP_PREFIX PIP_PYTHON PIP_PYTHON_VERSION PIP_REQUIREMENT \
    PIP_REQUIRE_HASHES PIP_ROOT PIP_TARGET PIP_UPGRADE
export PIP_USER := 0

.PHONY: report rendered compare compared search searched curve curved verify test test-all check lab denoise \
    publish data voices clean help checked stamped
.PRECIOUS: $(EXECUTED) $(REPORT)/report.html $(REPORT)/report.pdf  # even when interrupted

report: $(VENV)/.complete  ## run the notebooks that are out of date and render the report
	@$(LOCKED) rendered
	@echo "── $(REPORT)/report.html and $(REPORT)/report.pdf are up to date"
	@$(PY) -m lib.publish.verify "$$CORPUS" --line

compare: $(VENV)/.complete-compare  ## add published denoisers, scored on the same clips, to the report
	@$(LOCKED) compared
	@$(LOCKED) rendered
	@echo "── the report with published denoisers: $(REPORT)/report.html and $(REPORT)/report.pdf"

search: $(VENV)/.complete  ## repeat the ablation and add it to the report; up to an hour with fsdd
	@$(LOCKED) searched
	@$(LOCKED) rendered
	@echo "── the report with the ablation: $(REPORT)/report.html and $(REPORT)/report.pdf"

curve: $(VENV)/.complete  ## add the learning curve over the number of training speakers; up to an hour
	@$(LOCKED) curved
	@$(LOCKED) rendered
	@echo "── the report with the learning curve: $(REPORT)/report.html and $(REPORT)/report.pdf"

verify: $(VENV)/.complete  ## compare the numbers of the last report on CORPUS with the published ones
	@$(PY) -m lib.publish.verify "$$CORPUS"

TESTS := -m pytest -n auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

test: $(VENV)/.complete-dev  ## run the tests; no network needed
	@$(PY) $(TESTS) -m "not long"

test-all: $(VENV)/.complete-dev  ## run all tests, including the long ones
	@$(PY) $(TESTS)

check: $(VENV)/.complete-dev  ## lint, format, spelling, types, docstrings, dead code, notebook outputs
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m codespell_lib
	$(PY) -m mypy
	$(PY) -m numpydoc lint lib/*.py lib/*/*.py lib/*/*/*.py
	$(PY) -m vulture
	$(PY) -m nbstripout --keep-id --verify notebooks/*.ipynb

lab: $(VENV)/.complete  ## open the notebooks in Jupyter
	@$(PY) -c 'import lib, jupyterlab.labapp as lab; lab.main()' --allow-root notebooks  # as in containers

denoise: $(VENV)/.complete  ## denoise a recording: make denoise IN=a.wav OUT=b.wav
	@$(PY) -m lib.denoise $(if $(MODEL),"--model=$$MODEL") -- "$$IN" "$$OUT"

publish: $(VENV)/.complete  ## copy the report on CORPUS to report/published and its numbers to the README
	@$(PY) -m lib.publish.published "$$CORPUS"

data: $(VENV)/.complete  ## download the corpus and check it, without running anything
	@$(PY) -m lib.workspace.lock build/$(CORPUS).lock $(PY) -m lib.corpora "$$CORPUS" \
	    "$$$(if $(filter speech-commands,$(CORPUS)),VOICES,DATA)_DIR" compare

voices: $(VENV)/.complete  ## train the general network on Speech Commands (a download of 182 MB)
	@$(PY) -m lib.workspace.lock build/voices.lock $(PY) -m lib.publish.general "$$VOICES_DIR" "$$PARAMS"

clean:  ## remove build/ and caches; keep reports, downloads and the environment
	rm -rf build .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find lib tests -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## list the targets and the variables
	@echo "Targets:"
	@sed -n 's/^\([a-z][a-z-]*\):.*  ## \(.*\)/  \1	\2/p' Makefile | expand -t 14
	@echo "Variables:"
	@sed -n 's/^## \([A-Z_]*\): \(.*\)/  \1	\2/p' Makefile | expand -t 14

# ---- The report.  The pattern rule makes both files at once.

rendered: $(REPORT)/report.html $(REPORT)/report.pdf

$(REPORT)/%.html $(REPORT)/%.pdf: $(EXECUTED) $(BUILD)/.rendering.code build/$(CORPUS).shown
	@echo "── rendering $(REPORT)"
	@$(PY) -m lib.report.export $(BUILD) --output $(REPORT) $(if $(filter 0,$(PLAYERS)),--no-players)
	@$(PY) -m lib.publish.index report

$(BUILD)/01_data_exploration.ipynb: $(BUILD)/.data
$(BUILD)/02_spectrogram_preparation.ipynb: $(BUILD)/01_data_exploration.ipynb
$(BUILD)/03_model_training.ipynb: $(BUILD)/02_spectrogram_preparation.ipynb \
    $(wildcard $(BUILD)/search.json)
$(BUILD)/04_evaluation.ipynb: $(BUILD)/03_model_training.ipynb $(wildcard $(BUILD)/peers.json) \
    $(wildcard $(BUILD)/curve.json)
$(BUILD)/05_speaker_analysis.ipynb: $(BUILD)/04_evaluation.ipynb

$(BUILD)/%.ipynb: $(BUILD)/.%.code $(BUILD)/.parameters
	@$(PY) -m lib.workspace.execute notebooks/$*.ipynb $@ "corpus=$$CORPUS" "profile=$$PROFILE" \
	    "data_dir=$$DATA_DIR" "params_file=$$PARAMS"

# The scores of published denoisers, the ablation and the learning curve are rewritten only when they
# change; the notebooks that read them are then out of date.
compared: $(BUILD)/03_model_training.ipynb
	@$(PY) -m lib.evaluation.peers "$$CORPUS" "$$PROFILE" "$$DATA_DIR" "$$PARAMS"

searched: $(BUILD)/02_spectrogram_preparation.ipynb
	@$(PY) -m lib.training.trials "$$CORPUS" "$$PROFILE" "$$DATA_DIR" "$$PARAMS"

curved: $(BUILD)/03_model_training.ipynb
	@$(PY) -m lib.evaluation.learning_curve "$$CORPUS" "$$PROFILE" "$$DATA_DIR" "$$PARAMS" "$$VOICES_DIR"

# ---- Files that change only when what they represent changes.

$(STAMPS): stamped ;

stamped:
	@$(PY) -m lib.workspace.stamps $(BUILD)

# ---- The environment.  Its stamp comes last: an interrupted first installation starts over.
# Invalid variables are rejected before it or, where the check needs the packages, right after it.
# Its Python finds this lib before any other on PYTHONPATH, unless that names a copy of this project.

checked:
	@if [ -f $(VENV)/.complete ]; then python=$(PY); else python="$$PYTHON"; \
	    "$$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null || \
	    { echo "error: PYTHON=$$PYTHON must be Python 3.10 to 3.13." >&2; exit 1; }; fi; \
	    "$$python" -m lib.workspace.variables

$(VENV)/.complete: requirements.txt | checked
	@echo "── installing the packages into $(VENV) (a few minutes, once)"
	@[ -f $@ ] || "$$PYTHON" -m venv $(if $(filter .venv,$(VENV)),--clear) $(VENV)
	@$(PY) -m pip install --disable-pip-version-check -r requirements.txt
	@$(PY) -c 'import os, pathlib, sysconfig; \
	    path = pathlib.Path(sysconfig.get_path("purelib"), "denoising_audio_mnist.pth"); \
	    line = "import os, sys; given = os.environ.get(\"PYTHONPATH\", str()); " \
	        "os.path.exists(given + \"/lib/environment.py\") or sys.path.insert(0, {!a})\n"; \
	    path.write_text(line.format(os.getcwd()), encoding="ascii")'
	@echo "── compiling the numba functions (half a minute, once)"
	@$(PY) -m lib.signals.compile
	@touch $@
	@$(PY) -m lib.workspace.variables

$(VENV)/.complete-dev: requirements-dev.txt $(VENV)/.complete
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(VENV)/.complete-compare: requirements-compare.txt $(VENV)/.complete
	@$(PY) -c 'import sys; sys.exit(sys.version_info >= (3, 13))' || \
	    { echo "error: make compare needs Python 3.10 to 3.12 in VENV=$(VENV)." >&2; exit 1; }
	@echo "── installing the published denoisers into $(VENV)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-compare.txt
	@touch $@
