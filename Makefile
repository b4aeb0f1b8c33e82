# Thalweg. `make` alone lists the targets; each sets itself up in .venv on first use.

SKELETON ?= digits
FILTERS ?= 5
BOARD ?= ulx3s-25f
LINK ?= uart
LIBRARY ?= sg13g2
CORNER ?= typ
DESIGN ?= f1
IMAGES ?= 20
DEVICE ?= cpu
RECIPE ?= restore
NAME ?= $(if $(filter restore,$(RECIPE)),digits,digits-$(RECIPE))
BEGIN ?= $(if $(filter memory,$(RECIPE)),digits,$(if $(filter letters,$(RECIPE)),digits-memory))
PYTHON ?= python3
PIP_ARGS ?=

BIN := .venv/bin
THALWEG := $(BIN)/thalweg
data := $(if $(DATA),--data '$(DATA)')
built := build/$(BOARD)$(if $(filter usb,$(LINK)),-usb)
folding := $(if $(HARDWIRED),--hardwired,--filters $(FILTERS))
chosen := $(filter-out file,$(origin SKELETON))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo play test yours train-qat ablate eval memory verilog bitstream netlist-sim reskeleton asic asic-sim sim bench docs site lint clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(BIN)/.ready ## install everything into .venv
$(BIN)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.version_info >= (3, 11) or sys.exit('Thalweg needs Python 3.11 or newer, not ' + sys.version.split()[0])"
	$(PYTHON) -m venv .venv
	@echo "installing into .venv: one to three minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup ## restore damaged digits on the simulated chip: picture and numbers
	$(THALWEG) demo $(SKELETON)

play: setup ## the page to play with, on 127.0.0.1; DEVICE=simulated|golden|serial:PORT behind it
	$(THALWEG) play $(if $(filter-out cpu cuda,$(DEVICE)),--device $(DEVICE))

test: setup ## all quick tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

yours: setup ## train on DATA or scikit-learn's digits, prove, simulate the chip: build/yours/report.html
	$(THALWEG) yours $(data) $(if $(BATCHES),--batches $(BATCHES))

train-qat: setup ## train a skeleton by RECIPE: restore, memory or letters
	$(THALWEG) train --name $(NAME) --recipe $(RECIPE) --device $(DEVICE) $(data) $(if $(BATCHES),--batches $(BATCHES)) $(if $(QAT_BATCHES),--qat-batches $(QAT_BATCHES)) $(if $(BEGIN),--begin $(BEGIN))

ablate: setup ## what each choice of training brings: short runs, one change each
	$(THALWEG) ablate $(data) $(if $(DOCS),--docs)

eval: setup ## one table of baselines and skeletons, and curves; or SKELETON alone
	$(THALWEG) eval $(if $(chosen),$(SKELETON) --output build/eval/$(SKELETON).json,--curves) $(data)

memory: SKELETON = digits-memory
memory: setup ## what a skeleton remembers, measured and shown; FULL=1 takes all 10,000
	$(THALWEG) memory --skeleton $(SKELETON) $(data) $(if $(FULL),--full) $(if $(DOCS),--docs)

verilog: setup ## build/verilog/<top>.v and <top>.json, holding SKELETON="x y"; HARDWIRED=1 as logic
	$(THALWEG) verilog $(SKELETON) $(folding)

bitstream: $(BIN)/.boards ## BOARD's bitstream and report.json, on Yosys and nextpnr; LINK=uart|usb
	$(THALWEG) bitstream $(BOARD) $(SKELETON) --link $(LINK)

netlist-sim: $(BIN)/.boards ## BOARD's mapped netlist against golden, whole digits over its LINK
	$(THALWEG) netlist-sim $(BOARD) $(SKELETON) --link $(LINK)

reskeleton: $(BIN)/.boards ## BOARD's bitstream with SKELETON="x y" in place of its own
	$(THALWEG) reskeleton $(built)/thalweg.bit $(SKELETON) --output $(built)/reskeleton.bit

asic: setup ## DESIGN in cells of LIBRARY=sg13g2|sky130 at CORNER=typ|slow; LIBRELANE=folder for a layout
	$(THALWEG) asic $(if $(chosen),$(SKELETON)) --library $(LIBRARY) --corner $(CORNER) --design $(DESIGN) $(if $(LIBERTY),--liberty '$(LIBERTY)') $(if $(LIBRELANE),--librelane '$(LIBRELANE)') $(if $(TINY_TAPEOUT),--tiny-tapeout '$(TINY_TAPEOUT)') $(if $(CLOCK_GATES),--clock-gates)

asic-sim: setup ## the netlist of make asic, gate by gate, against golden: IMAGES whole digits
	$(THALWEG) asic-sim $(if $(chosen),$(SKELETON)) --library $(LIBRARY) --corner $(CORNER) --design $(DESIGN) $(if $(LIBERTY),--liberty '$(LIBERTY)') $(if $(filter-out file,$(origin IMAGES)),--images $(IMAGES)) $(if $(CLOCK_GATES),--clock-gates) $(if $(ENERGY),--energy)

$(BIN)/.boards: $(BIN)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[boards,usb]'
	@touch $@

$(BIN)/.librelane: $(BIN)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[librelane]'
	@touch $@

sim: setup ## cocotb on Verilator and the fast device against golden, every code; HARDWIRED=1 too
	$(THALWEG) sim $(SKELETON) --images $(IMAGES) $(folding) $(data)

bench: $(BIN)/.peers ## speed of golden, its peers, gate, page, training, simulations; clocks of a digit for each F
	$(THALWEG) bench

$(BIN)/.peers: $(BIN)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[peers]'
	@touch $@

docs: setup ## tables of README and docs from what was measured
	$(THALWEG) docs

site: $(BIN)/.site ## the documentation as pages, build/site/index.html: works from the file system
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --clean

$(BIN)/.site: $(BIN)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[site]'
	@touch $@

lint: setup ## style, types, and which way imports point
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

clean: ## remove everything generated but .venv
	rm -rf build
