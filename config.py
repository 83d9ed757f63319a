"""What you edit: paths, the preset that is trained without a name, and presets of your own.

The scripts beside this file read it; `msg-stylegan`, once installed, reads a copy in the current
folder, if there is one. What is not set here has its default. Single options can also be changed on
the command line, `--config=ffhq1024 --config.loss.r1_gamma=5`; `python train.py --help` lists and
explains all of them.
"""

# The preset that `python train.py` trains when no --config is given.
preset = "digits"

# Folder of the data sets. `dataset.path` of a preset is relative to it. Where Amazon SageMaker
# names its own in an environment variable, that is the default.
# data_dir = "datasets"

# Folder in which every training run gets a numbered folder of its own; the same for SageMaker.
# result_dir = "results"

# Folder of what the metrics need: weights of pretrained networks, and statistics of real images,
# which may be removed at any time.
# cache_dir = "cache"

# Presets of your own, for --config=NAME: the preset to start from, and the options that differ.
presets = {
    # "mine": ("ffhq256", {"dataset.path": "mine", "schedule.total_kimg": 5000.0}),
}

# Files beside this one that add losses, metrics and the like, see docs/extending.md: their names
# without ".py".
extensions = []
