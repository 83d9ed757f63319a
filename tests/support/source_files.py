"""The files of the source code, and what they import."""

import ast

from support.checkout import ROOT

PACKAGES = ("msg_stylegan", "metrics")
ENTRANCES = sorted(ROOT.glob("*.py"))
# Run from the checkout like an entrance, and not installed.
EXPERIMENTS = sorted((ROOT / "experiments").rglob("*.py"))
FILES = [
    *ENTRANCES,
    *EXPERIMENTS,
    *sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")),
]
TOP = {path.stem for path in ENTRANCES} | {*PACKAGES, "experiments"}
# What a user edits.
CONFIGURATION = ("config",)


def imported_modules(path):
    """Full names of all that a file imports, inside functions too."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full, not relative"
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    return modules


def imported_tops(path):
    return {module.partition(".")[0] for module in imported_modules(path)}
