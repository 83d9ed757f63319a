"""The front matter of a Space: which fields there are, and what they may hold.

Source:
    The reference of their configuration: huggingface/hub-docs, docs/hub/spaces-config-reference.md.
"""

import dataclasses
import re
from collections.abc import Callable

from msg_stylegan.wording import did_you_mean

# A hub refuses longer ones.
_MAX_DESCRIPTION = 60


@dataclasses.dataclass(frozen=True)
class _Field:
    """What a field may hold, in words and as a test."""

    expected: str
    fits: Callable


def _matching(expected, pattern):
    return _Field(
        expected, lambda x: isinstance(x, str) and re.fullmatch(pattern, x, re.S) is not None
    )


def _one_of(*words):
    return _Field(f"one of {', '.join(words)}", lambda x: x in words)


def _list_of(field, what):
    return _Field(
        f"a list of {what}", lambda x: isinstance(x, list) and all(map(field.fits, x)) and bool(x)
    )


_TEXT = _matching("a text", r".*\S.*")
_TRUTH = _Field("true or false", lambda x: isinstance(x, bool))
_COUNT = _Field("a whole number", lambda x: type(x) is int and x > 0)
_FILE = _matching("the path of a file of the repository", r"(?!/|.*\.\.).*\S")
_COLOUR = _one_of("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
_REPOSITORIES = _list_of(_matching("", r"[\w./-]+"), "repositories such as someone/digits")
_TEXTS = _list_of(_TEXT, "texts")
_LICENCE = _matching("a licence as model hubs write it, such as mit", r"[a-z0-9.+-]+")

_FIELDS = {
    "title": _TEXT,
    "emoji": _matching("an emoji", r"[^\x00-\x7f]\S{,15}"),
    "colorFrom": _COLOUR,
    "colorTo": _COLOUR,
    "sdk": _one_of("gradio", "docker", "static"),
    "sdk_version": _matching("a release such as '6.31.0'", r"\d+\.\d+(\.\d+)?"),
    "python_version": _matching("a text such as '3.12'", r"3\.\d+(\.\d+)?"),
    "app_file": _FILE,
    "app_port": _COUNT,
    "app_build_command": _TEXT,
    "base_path": _matching("a path that begins with /", r"/.*"),
    "fullWidth": _TRUTH,
    "header": _one_of("mini", "default"),
    "short_description": _matching(
        f"at most {_MAX_DESCRIPTION} letters", f".{{1,{_MAX_DESCRIPTION}}}"
    ),
    "license": _Field(
        f"{_LICENCE.expected}, or a list of such",
        lambda x: _LICENCE.fits(x) or _list_of(_LICENCE, "").fits(x),
    ),
    "license_name": _TEXT,
    "license_link": _TEXT,
    "models": _REPOSITORIES,
    "datasets": _REPOSITORIES,
    "tags": _TEXTS,
    "thumbnail": _TEXT,
    "pinned": _TRUTH,
    "hf_oauth": _TRUTH,
    "hf_oauth_expiration_minutes": _COUNT,
    "hf_oauth_scopes": _TEXTS,
    "hf_oauth_authorized_org": _Field(
        "a text or a list of texts", lambda x: _TEXT.fits(x) or _TEXTS.fits(x)
    ),
    "disable_embedding": _TRUTH,
    "startup_duration_timeout": _matching("a time such as 30m or 1h", r"\d+(\.\d+)?[a-z]+"),
    "custom_headers": _Field(
        "a dictionary of texts",
        lambda x: isinstance(x, dict) and all(map(_TEXT.fits, [*x, *x.values()])),
    ),
    "suggested_hardware": _matching("hardware such as cpu-basic", r"[a-z0-9-]+"),
    "suggested_storage": _one_of("small", "medium", "large"),
    "preload_from_hub": _TEXTS,
}
# Those of a repository of a model, for which a Space has no use.
OF_MODELS = (
    *("base_model", "co2_eq_emissions", "inference", "language", "library_name", "metrics"),
    *("model-index", "new_version", "pipeline_tag", "widget"),
)


def check_space_fields(matter):
    """Checks the front matter of a Space.

    Args:
        matter: Dictionary.

    Raises:
        ValueError: A field is not known or holds something that it must not; all are told.
    """
    problems = []
    for name, value in matter.items():
        if name not in _FIELDS:
            near = did_you_mean(str(name), _FIELDS)
            problems.append(f"Spaces have no field {name!r}.{near}")
        elif not _FIELDS[name].fits(value):
            problems.append(f"Expected {_FIELDS[name].expected} in {name}. Received {value!r}.")
    if problems:
        raise ValueError(f"README.md: {' '.join(problems)}")
