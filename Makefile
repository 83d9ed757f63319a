# make demo: the whole way from images to samples and a score, in about ten minutes on two cores.
# make demo-color: the same with emoji in colour, in about an hour.
# make test: every feature at least once. make proofs: the tests that it leaves out, because they take
# long. All install into .venv first; PYTHON chooses the interpreter.

PYTHON = python3
VENV = .venv
RUN = $(VENV)/bin/python
DATA = datasets/digits
SAMPLES = results/demo
COLOR_DATA = datasets/emoji64
COLOR_SAMPLES = results/demo-color
# The run that --resume=auto has begun or continued; the latest one may be another.
COLOR_RUN = "$$(ls -d results/*-emoji64-*gpu | tail -n 1)"
# A font with bitmaps in colour; this one is in the package fonts-noto-color-emoji of Debian and Ubuntu.
FONT = /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf
TEST = $(RUN) -m pytest -n 2 --dist loadfile
# Which of the proofs.
SELECTION = slow

.PHONY: demo demo-color test proofs lint format clean

demo: $(VENV)/demo.done $(DATA)
	$(RUN) train.py --config=digits
	$(RUN) run_metrics.py --run latest --all --metrics swd1k
	$(RUN) generate.py multiscale --network latest --seeds 0-31 --columns 4 --zoom 2 --outdir $(SAMPLES)
	@echo
	@echo "Pictures: the newest folder in results/ shows how training went, in all_scales/ side by side;"
	@echo "          $(SAMPLES) holds digits drawn from the trained network at every scale."
	@echo "Score:    the table above, first line at the start and last line at the end of training."
	@echo "          Lower is better; the floor is what real images score against real images."
	@echo
	@echo "Look at the network in the browser:"
	@echo "  $(RUN) -m pip install -c constraints.txt -e \".[explore]\""
	@echo "  $(RUN) explore.py --network latest"
	@echo
	@echo "Next, with a folder of images of your own, cut square and reduced to 64x64:"
	@echo "  $(RUN) dataset_tool.py create_from_images datasets/mine FOLDER --resolution 64"
	@echo "  $(RUN) train.py --config=digits --config.dataset.path=mine --config.dataset.resolution=64"

demo-color: $(VENV)/demo.done $(COLOR_DATA)
	$(RUN) train.py --resume=auto --config=emoji64
	$(RUN) run_metrics.py --run $(COLOR_RUN) --all --metrics swd1k
	$(RUN) generate.py multiscale --network $(COLOR_RUN) --seeds 0-31 --columns 4 --outdir $(COLOR_SAMPLES)
	@echo
	@echo "Pictures: 64x64/ in the newest results/*-emoji64-* has a sheet for every 4,000 pictures of training;"
	@echo "          $(COLOR_SAMPLES) holds emoji drawn from the trained network at every scale."
	@echo

test: $(VENV)/dev.done
	$(TEST) -m "not slow"

proofs: $(VENV)/dev.done
	$(TEST) -m "$(SELECTION)"

lint: $(VENV)/dev.done
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: $(VENV)/dev.done
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

# Leaves datasets, results and cache alone.
clean:
	rm -rf $(VENV) .venv-addons build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(DATA): | $(VENV)/demo.done
	$(RUN) dataset_tool.py create_digits $@

$(COLOR_DATA): | $(VENV)/demo.done
	@test -e "$(FONT)" || { echo "error: There is no font $(FONT). Install fonts-noto-color-emoji, or name the file:" \
	  "make demo-color FONT=FILE" >&2; exit 1; }
	$(RUN) dataset_tool.py create_from_images $@ "$(FONT)" --resolution 64 --background white

# An installation stays until what it was made from changes.
$(VENV)/%.done: setup.cfg constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$*]"
	touch $@
