"""Two classifiers of both domains of a pair: one that may teach generators, and one that judges."""

from msg_stylegan.classifier.labelled_images import open_data_sets
from msg_stylegan.classifier.options import ClassifierOptions
from msg_stylegan.classifier.stored import open_classifier, save_classifier
from msg_stylegan.classifier.training import train_classifier

# Option that names the file -> seed of the training. Who was taught must not be the judge.
_SEEDS = {"coupling.classifier": 0, "metrics.classifier": 1}


def pair_classifiers(folder, datasets):
    """Trains the classifiers that are not there yet.

    Args:
        folder: Where they are kept, beside all experiments.
        datasets: `TFRecordDataset` of each domain.

    Returns:
        Dictionary of options to the paths of the files; empty without labels in both domains.

    Raises:
        ValueError: A file is there of a classifier of other images.
    """
    if not all(dataset.stored_label_size for dataset in datasets):
        return {}
    found = {}
    labelled, kind = open_data_sets([dataset.path for dataset in datasets])
    name = "-".join(dataset.path.parent.name for dataset in datasets[:1])
    for option, seed in _SEEDS.items():
        path = folder / f"{name}-{option.partition('.')[0]}.keras"
        found[option] = str(path)
        if path.exists():
            _check(path, labelled)
            continue
        classifier, info = train_classifier(labelled, kind, ClassifierOptions(seed=seed))
        print(f"{path.name}: {info['accuracy']:.1%} of the held-out images right.")
        save_classifier(classifier, path, info)
    return found


def _check(path, datasets):
    """Refuses a classifier of data sets that have the same name only."""
    learned = [facts["fingerprint"] for facts in open_classifier(path).info["data_sets"]]
    if learned != [dataset.fingerprint() for dataset in datasets]:
        raise ValueError(
            f"{path} was trained on other images than those of "
            f"{' and '.join(str(dataset.path) for dataset in datasets)}. Name an --outdir in "
            "another folder, or remove that file together with the results beside it."
        )
