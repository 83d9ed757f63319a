"""The packages that the explorer needs, in the versions that are installed here."""

import importlib.metadata

from packaging.requirements import Requirement
from packaging.version import Version

_PACKAGE = "msg-stylegan"
_EXTRA = "explore"
_INSTALL = f'pip install -c constraints.txt -e ".[{_EXTRA}]", or pip install "{_PACKAGE}[{_EXTRA}]"'


def pinned_requirements(lines=None):
    """Name of each package to the text of its version.

    They are those that this package asks for itself. What these ask for in turn is left to pip: a
    hub installs packages of its own beside them, which may need other versions of it.

    Args:
        lines: Requirements with their markers; None for those of this package.

    Raises:
        ValueError: One of them is not installed, or not as it must be.
    """
    requirements = map(Requirement, _distribution(_PACKAGE).requires if lines is None else lines)
    return {
        requirement.name: _installed_version(requirement)
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({"extra": _EXTRA})
    }


def licence_text():
    """The licence of this package, which goes with every copy of it.

    Raises:
        ValueError: The package is not installed, or without its licence.
    """
    for file in _distribution(_PACKAGE).files or ():
        if file.name == "LICENSE":
            return file.read_text(encoding="utf-8")
    raise ValueError(f"{_PACKAGE} is installed without its licence. Install it anew: {_INSTALL}")


def _installed_version(requirement):
    version = Version(_distribution(requirement.name).version)
    if not requirement.specifier.contains(version, prereleases=True):
        raise ValueError(f"{requirement.name} {version} is not {requirement.specifier}: {_INSTALL}")
    # Without the part that names a build of this machine, which others cannot get.
    return version.public


def _distribution(name):
    """What is known of an installed package."""
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise ValueError(
            f"A Space of Gradio asks for the versions that are here, but {name} is not installed. "
            f"Get it by: {_INSTALL}"
        ) from error
