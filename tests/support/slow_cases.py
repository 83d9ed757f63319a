"""Cases of a test that takes long."""

import pytest


def first_is_fast(cases):
    """Parameters of a test: the first case for `make test`, the others for `make proofs`."""
    first, *others = cases
    marks = [pytest.mark.slow, pytest.mark.further]
    return [first, *(pytest.param(case, marks=marks) for case in others)]
