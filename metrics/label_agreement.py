"""Label agreement: does a classifier see the same in both images of a pair?

"label_agreement1k" is the share of 1000 pairs of which a classifier, trained by
`train_classifier.py` on images of both domains, gives both images the same class; for attributes,
the share of all answers yes or no that are the same. It knows nothing of the generators, and must
not be the one that they were trained with (SL): that one they have learned to please. Beside it:

- `_chance`: the agreement of unrelated pairs, from how often each class is seen in each domain;
- `_corrected`: how far the score has come from chance to 1 (Cohen's kappa). It falls to 0 for
  generators that make one class only, whose agreement is perfect and worthless;
- `_expected`: the agreement of true pairs that the classifier would see, from its accuracy on
  images that it had not learned, if its mistakes in the domains have nothing to do with each other
  and are spread evenly over the other classes. Absent if its accuracy is not known;
- `_confidence_a`, `_confidence_b`: mean probability of the answers that are given. Far below 1,
  the images are not ones that it knows.
"""

import functools

import numpy as np

from metrics.chance import corrected_for_chance
from metrics.metric import Family, Metric, choose_count, format_count
from msg_stylegan.command_names import called


def label_agreement(a, b, kind):
    """Agreement of the answers for both domains, and what is to be known about it.

    Args:
        a: Probabilities float `[N, k]` for images of domain A.
        b: The same for domain B; rows belong together.
        kind: "classes", whose probabilities add up to 1, or "attributes".

    Returns:
        Dict of "" (the agreement), "_chance", "_corrected", "_confidence_a", "_confidence_b".
    """
    answers, confidences, frequencies = zip(
        *(_answers(probabilities.astype(np.float64), kind) for probabilities in (a, b)), strict=True
    )
    agreement = float((answers[0] == answers[1]).mean())
    # One row for classes, and for attributes one for each: shares of the answers in both domains.
    chance = float((frequencies[0] * frequencies[1]).sum(axis=1).mean())
    return {
        "": agreement,
        "_chance": chance,
        "_corrected": corrected_for_chance(agreement, chance),
        "_confidence_a": confidences[0],
        "_confidence_b": confidences[1],
    }


def expected_agreement(accuracies, num_answers):
    """Agreement on true pairs of a classifier that is right so often in each domain.

    Args:
        accuracies: Two shares.
        num_answers: Number of possible answers, at least 2.
    """
    a, b = accuracies
    return a * b + (1.0 - a) * (1.0 - b) / (num_answers - 1)


def _answers(probabilities, kind):
    """Answers [N] or [N, k], mean confidence, and shares of the answers: [1, k] or [k, 2]."""
    if kind == "classes":
        answers = probabilities.argmax(axis=1)
        shares = np.bincount(answers, minlength=probabilities.shape[1]) / len(answers)
        return answers, float(probabilities.max(axis=1).mean()), shares[None]
    answers = probabilities >= 0.5
    yes = answers.mean(axis=0)
    confidence = float(np.maximum(probabilities, 1.0 - probabilities).mean())
    return answers, confidence, np.stack([yes, 1.0 - yes], axis=1)


def _compute(name, classifier, num_pairs, inputs):
    pairs = inputs.require_pairs(name)
    found = []
    with inputs.progress(total=num_pairs, desc=name, unit="pair") as bar:
        for both in inputs.features.of_pairs("classifier", pairs.batches(num_pairs)):
            found.append(both)
            bar.update(len(both[0]))
    a, b = (np.concatenate(some) for some in zip(*found, strict=True))
    results = label_agreement(a, b, classifier.kind)
    num_answers = classifier.num_classes if classifier.kind == "classes" else 2
    if classifier.accuracy is not None and num_answers > 1:
        results["_expected"] = expected_agreement(_accuracies(classifier), num_answers)
    return {f"{name}{end}": value for end, value in results.items()}


def _accuracies(classifier):
    """Accuracy in each domain: of a classifier that learned two data sets, those of the two."""
    accuracies = classifier.info.get("accuracies") or []
    return accuracies if len(accuracies) == 2 else [classifier.accuracy] * 2


def _make(match, options):
    classifier = options.classifier
    if classifier is None:
        raise ValueError(
            f"{match[0]} asks a classifier. Name its file by --classifier (in a training "
            f"--config.metrics.classifier=FILE); `{called('classifier')}` trains one on data sets "
            "with labels."
        )
    count = choose_count(match[0], match[1], options, 1)
    name = f"label_agreement{format_count(count)}"
    return Metric(
        name=name,
        headline=name,
        lower_is_better=False,
        compute=functools.partial(_compute, name, classifier, count),
        networks=("classifier",),
        of_pair=True,
        min_resolution=classifier.resolution,
    )


FAMILY = Family(pattern="label_agreement([0-9]+k?)", examples=("label_agreement1k",), make=_make)
