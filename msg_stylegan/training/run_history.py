"""What a run was trained on and with: a line for every session, so that no option is forgotten."""

import datetime
from pathlib import Path

from msg_stylegan import files
from msg_stylegan.training.run_directory import OPTIONS_FILE
from msg_stylegan.training.stats import read_stats
from msg_stylegan.wording import count_of

HISTORY_FILE = "options_history.jsonl"


def begin_session(run_dir, *, nimg, options, changes, datasets, version):
    """Notes that a session begins, and stores its options if they are new.

    Args:
        run_dir: Run directory.
        nimg: Images shown so far.
        options: Nested dictionary of all options of the session.
        changes: List of `(name, old value, new value)` of the options that differ from those of
            the session before.
        datasets: Dictionary of "dataset", and "dataset_b" of a pair, to `dataset_facts`.
        version: Version of this program.

    Raises:
        ValueError: What the run has recorded is damaged and cannot be continued.
    """
    # Before anything is stored.
    read_stats(run_dir)
    line = {
        "time": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "version": version,
        "kimg": nimg / 1000.0,
        "changes": {name: [old, new] for name, old, new in changes},
        **datasets,
        "options": options,
    }
    files.append_json_line(Path(run_dir) / HISTORY_FILE, line)
    if changes:
        files.write_json(Path(run_dir) / OPTIONS_FILE, options)


def dataset_facts(dataset):
    """What identifies a data set, and where it is, as a dictionary for JSON."""
    return {
        "path": str(dataset.path.absolute()),
        "num_images": dataset.num_images,
        "shape": list(dataset.shape),
        "label_size": dataset.label_size,
        "fingerprint": dataset.fingerprint(),
    }


def check_same_dataset(run_dir, datasets, name, stored_path):
    """Refuses a data set other than that of the newest session; where it is does not matter.

    Args:
        run_dir: Run directory.
        datasets: Dictionary of the `dataset_facts` of the data sets to continue with.
        name: Which one to check, "dataset" or "dataset_b".
        stored_path: Path of the data set by the options of the run.

    Raises:
        ValueError: It is another one.
    """
    facts = datasets[name]
    sessions = files.read_json_lines(Path(run_dir) / HISTORY_FILE, ("dataset",))
    if sessions:
        old = sessions[-1].get(name)
        if old is None:
            raise ValueError(f"{run_dir} was trained on one domain, and cannot continue as a pair.")
        is_same = all(old[name] == facts[name] for name in facts if name != "path")
    else:
        # All that older versions have noted.
        old = {"path": str(stored_path)}
        is_same = Path(facts["path"]).name == Path(stored_path).absolute().name
    if not is_same:
        raise ValueError(
            f"{run_dir} was trained on {_describe(old)}. To continue it with another data set, "
            f"{_describe(facts)}, add --new_data. Otherwise name the old one by "
            f"--config.data_dir and --config.{name.replace('dataset', 'dataset.path')}."
        )


def _describe(facts):
    if "shape" not in facts:
        return facts["path"]
    shape = "x".join(map(str, facts["shape"]))
    return (
        f"{facts['path']} ({count_of(facts['num_images'], 'image')} of {shape}, "
        f"{count_of(facts['label_size'], 'label component')}, content {facts['fingerprint'][:8]})"
    )
