"""What the code imports is declared, and what is declared has a tested version."""

import configparser
import re
import sys

import pytest
from support.checkout import ROOT
from support.source_files import FILES, TOP, imported_tops

# Modules whose packages have another name.
PACKAGE_OF = {
    "absl": "absl-py",
    "google": "protobuf",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}

# Extras that work with every TensorFlow.
OPTIONAL = ("demo", "explore", "browser", "export", "hub", "dev")


def requirements(text):
    """Normalised names of the packages in a list of requirements."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {
        re.match(r"[\w.-]+", line)[0].lower().replace("_", "-")
        for line in lines
        if line and not line.startswith("%")
    }


@pytest.fixture(scope="module")
def declared():
    """Name of an extra, or "" for the base installation, to the names of its packages."""
    parser = configparser.RawConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = parser["options.extras_require"]
    base = requirements(parser["options"]["install_requires"])
    return {"": base} | {name: requirements(extras[name]) for name in extras}


def test_every_import_is_declared(declared):
    extras = (declared[extra] for extra in declared if extra not in ("compare", "dev"))
    available = declared[""].union(*extras)
    for path in FILES:
        for module in imported_tops(path) - sys.stdlib_module_names - TOP:
            package = PACKAGE_OF.get(module, module).lower().replace("_", "-")
            assert package in available, f"{path}: {module}"


@pytest.mark.parametrize(
    "file, extras",
    [
        (
            "constraints.txt",
            ["", "cuda", "demo", "explore", "browser", "export", "hub", "notebook", "dev"],
        ),
        (
            "constraints-addons.txt",
            ["", "addons", "demo", "explore", "browser", "export", "hub", "dev"],
        ),
    ],
)
def test_every_requirement_has_a_tested_version(declared, file, extras):
    lines = (ROOT / file).read_text(encoding="utf-8")
    assert set().union(*(declared[extra] for extra in extras)) <= requirements(lines)
    pins = [line.partition(";")[0] for line in lines.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin.strip()) for pin in pins)
