"""The table of contents of an archive in the making, where links lead into the archive only."""

import collections
import posixpath

from msg_stylegan.data.sources.image_names import is_hidden

# Where a file lies and how: `offset` of its header (zip) or its data (tar), `stored` bytes that
# it takes there and bytes that it has in the end, the rest as zip has it.
Place = collections.namedtuple("Place", ["offset", "stored", "size", "crc", "method"])

# `target` is relative to the folder of the link, or to the archive if it begins with a slash.
Link = collections.namedtuple("Link", ["target"])

# As many as Linux follows for one path.
_MAX_LINKS = 40


class Contents:
    """Files of an archive, or of several that were joined, by their names.

    Attributes:
        replaced: Counter of files that were followed by another of the same name, by names.
        undecoded: List of names that are in a code page which the archive does not tell.
    """

    def __init__(self):
        self.replaced = collections.Counter()
        self.undecoded = []
        self._entries = {}

    def add(self, name, entry):
        """Adds a `Place` or a `Link` by its name. Of two files of one name the last one counts."""
        name = _relative(name)
        if self._entries.get(name, entry) != entry:
            self.replaced[name] += 1
        self._entries[name] = entry

    def add_hard_link(self, name, target):
        """Adds another name of an earlier file, which keeps it when that one is replaced."""
        entry = self._entries.get(_relative(target))
        self.add(name, entry if isinstance(entry, Place) else Link(f"/{target}"))

    def followed(self):
        """Files that are not hidden, with the links to files.

        Returns:
            Dictionary from name to `Place`; number of links that lead out of the archive or
            nowhere; number of files whose own names lead out, which are left out as well. Links to
            folders do not count: their files have names of their own.
        """
        folders = None
        places, num_dead, num_outside = {}, 0, 0
        for name, entry in self._entries.items():
            num_outside += ".." in name.split("/")
            if not name or is_hidden(name):
                continue
            if isinstance(entry, Link):
                target = self._target(name)
                entry = self._entries.get(target)
                if not isinstance(entry, Place):
                    folders = self._folders() if folders is None else folders
                    num_dead += target not in folders
                    continue
            places[name] = entry
        return places, num_dead, num_outside

    def _target(self, name):
        """Name of what a path leads to in the end, through links to folders too; None if out."""
        rest = collections.deque(name.split("/"))
        path = []
        num_links = 0
        while rest:
            part = rest.popleft()
            if part == "..":
                if not path:
                    return None
                path.pop()
            elif part not in ("", "."):
                path.append(part)
                entry = self._entries.get("/".join(path))
                if isinstance(entry, Link):
                    num_links += 1
                    if num_links > _MAX_LINKS:
                        return None
                    path = [] if entry.target.startswith("/") else path[:-1]
                    rest.extendleft(reversed(entry.target.split("/")))
        return "/".join(path)

    def _folders(self):
        """Names of all folders that hold a file."""
        folders = {""}
        for name in self._entries:
            while (name := posixpath.dirname(name)) not in folders:
                folders.add(name)
        return folders


def _relative(name):
    """A name in an archive without `/` before it, and without parts that say nothing."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))
