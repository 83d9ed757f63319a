"""What you edit: paths, the preset that is trained without a name, and presets of your own.

Single options can also be changed on the command line: `python train.py --config=ffhq1024
--config.loss.r1_gamma=5`. `python train.py --help` lists and explains all of them. Standard library
only.
"""

import os

# The preset that `python train.py` trains when no --config is given.
preset = "digits"

# Folder of the data sets. `dataset.path` of a preset is relative to it. Amazon SageMaker names its
# own in an environment variable.
data_dir = os.environ.get("SM_CHANNEL_TRAINING") or "datasets"

# Folder in which every training run gets a numbered folder of its own; the same for SageMaker.
result_dir = os.environ.get("SM_MODEL_DIR") or "results"

# Folder of what the metrics need: weights of pretrained networks, and statistics of real images,
# which may be removed at any time.
cache_dir = "cache"

# Presets of your own, for --config=NAME: the preset to start from, and the options that differ.
presets = {
    # "mine": ("ffhq256", {"dataset.path": "mine", "schedule.total_kimg": 5000.0}),
}

# The shell, which replaces "~" elsewhere, does not see the names above.
data_dir, result_dir, cache_dir = map(os.path.expanduser, (data_dir, result_dir, cache_dir))
