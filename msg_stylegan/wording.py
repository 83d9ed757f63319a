"""Numbers and near names in messages."""

import difflib


def count_of(number, noun):
    """A number with its noun, such as "1 class" and "2 classes"."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}{'es' if noun.endswith('s') else 's'}"


def did_you_mean(name, candidates):
    """Returns ` Did you mean ...?` with up to three candidates similar to `name`, or nothing.

    Dotted names are also compared by their last part, so that `r1_gamma` finds `loss.r1_gamma`.
    """

    def similarity(candidate):
        pairs = ((name, candidate), (name.rpartition(".")[2], candidate.rpartition(".")[2]))
        return max(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)

    near = sorted((c for c in candidates if similarity(c) >= 0.6), key=similarity, reverse=True)
    return f" Did you mean {' or '.join(near[:3])}?" if near else ""
