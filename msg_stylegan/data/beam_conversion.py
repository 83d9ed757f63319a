"""The conversion as an Apache Beam pipeline, for more images than one machine should take.

One element of the pipeline is one shard. The files are byte for byte those of `conversion.convert`.
The target may be anything that `tf.io.gfile` writes to. Every worker must be able to read the
source.
"""

import dataclasses
import hashlib
import json
import posixpath
import tempfile
import uuid
from pathlib import Path

from msg_stylegan.data.assembly import Outcome, write_side_files
from msg_stylegan.data.conversion import Request
from msg_stylegan.data.dataset_folder import MANIFEST_NAME, read_manifest, records_name
from msg_stylegan.data.parts import PartMaker, shard_positions
from msg_stylegan.data.sources.file_stores import is_remote


def convert_with_beam(source, directory, *, beam_arguments, **request):
    """Makes a data set with a pipeline, and waits for it.

    The work is in `<directory>.partial` until it is finished. Shards that are complete there are
    not made again. Duplicates are listed, but not left out: no shard knows the others.

    Args:
        source: One of the sources of `msg_stylegan.data.sources`; it is sent to the workers.
        directory: Target, for instance `gs://bucket/name`. Must not exist.
        beam_arguments: List of options of Beam, such as `["--runner=DirectRunner"]`.
        **request: The other arguments of `conversion.Request`. Shards are made in parallel.

    Returns:
        The manifest, a dictionary.

    Raises:
        FileExistsError: There is something at the target.
        ValueError: Beam is not installed, the work of another command is there, or an option, an
            image or the labels cannot be used.
    """
    beam, pipeline_options = _import_beam()
    from tensorflow.io import gfile

    request = Request(source, **request)
    target = str(directory).rstrip("/")
    name, folder = posixpath.basename(target), f"{target}.partial"
    if _is_taken(target, folder):
        raise FileExistsError(f"{target} exists already. Choose another name or remove it first.")
    plan = request.plan()
    maker = PartMaker(request, tuple(plan["shape"]), plan["first_name"])
    _claim(folder, request.identity())
    writer = ShardWriter(maker, folder, name, request.num_shards)
    with beam.Pipeline(options=pipeline_options(list(beam_arguments))) as pipeline:
        numbers = pipeline | beam.Create(range(request.num_shards)) | beam.Reshuffle()
        _ = numbers | beam.Map(writer)

    outcome = Outcome(len(request.order))
    for shard in range(request.num_shards):
        with gfile.GFile(writer.result_path(shard)) as file:
            result = json.loads(file.read())
        outcome.files |= result["files"]
        positions = writer.positions(shard)
        outcome.add(positions.start, positions.stop, result)
    with tempfile.TemporaryDirectory() as local:
        write_side_files(Path(local), name, maker, outcome)
        manifest = read_manifest(local)
        side_files = sorted(path.name for path in Path(local).iterdir())
        for file_name in side_files:
            gfile.copy(f"{local}/{file_name}", f"{folder}/{file_name}", overwrite=True)
    _publish(folder, target, {*side_files, *manifest["files"]})
    return manifest


def _is_taken(target, folder):
    """Whether the target is there, and not because an earlier start was publishing it."""
    from tensorflow.io import gfile

    half_published = (
        is_remote(target) and gfile.exists(folder) and not gfile.exists(f"{target}/{MANIFEST_NAME}")
    )
    return gfile.exists(target) and not half_published


def _publish(folder, target, names):
    """Turns the folder of the work into the target, which gets the files of these names only."""
    from tensorflow.io import gfile

    if not is_remote(target):
        # The others are facts about shards, and leftovers of failed attempts.
        for name in set(gfile.listdir(folder)) - names:
            gfile.remove(f"{folder}/{name}")
        gfile.rename(folder, target)
        return
    # Object stores cannot rename folders. The manifest, last, says that everything is there.
    gfile.makedirs(target)
    for name in [*sorted(names - {MANIFEST_NAME}), MANIFEST_NAME]:
        # Whatever is missing here was moved by an earlier start.
        if gfile.exists(f"{folder}/{name}"):
            gfile.rename(f"{folder}/{name}", f"{target}/{name}", overwrite=True)
    gfile.rmtree(folder)


def _claim(folder, identity):
    """Makes the folder of the work, or checks that what is in it belongs to the same conversion."""
    from tensorflow.io import gfile

    gfile.makedirs(folder)
    path, text = f"{folder}/plan.json", json.dumps(identity, sort_keys=True)
    if not gfile.exists(path):
        with gfile.GFile(path, "w") as file:
            file.write(text)
        return
    with gfile.GFile(path) as file:
        if file.read() != text:
            raise ValueError(
                f"{folder} holds the unfinished work of another command. Start that one again to "
                "finish it, or remove the folder."
            )


@dataclasses.dataclass(frozen=True)
class ShardWriter:
    """Writes the files of a shard, given its number: the task of a worker of the pipeline.

    Attributes:
        maker: `PartMaker`, for its images.
        folder: Path for `tf.io.gfile`.
        name: Name of the data set.
        num_shards: Number of all shards.
    """

    maker: PartMaker
    folder: str
    name: str
    num_shards: int

    def __call__(self, shard):
        """Makes a shard, unless it is there. Its facts are written last."""
        from tensorflow.io import gfile

        if gfile.exists(self.result_path(shard)):
            return
        maker = self.maker
        # Runners may make a shard twice at the same time; each attempt has files of its own.
        suffix = f".{uuid.uuid4().hex}"
        names = [
            records_name(self.name, resolution, shard, self.num_shards)
            for resolution in maker.resolutions
        ]
        paths = [f"{self.folder}/{name}" for name in names]
        files = [_HashedFile(gfile.GFile(path + suffix, "wb")) for path in paths]
        result = maker.write_records(self.positions(shard), files)
        if not result["digests"]:
            raise ValueError(f"Shard {shard} would have no images. Use fewer `--shards`.")
        facts = {}
        for name, path, file in zip(names, paths, files, strict=True):
            facts[name] = file.close(len(result["digests"]))
            gfile.rename(path + suffix, path, overwrite=True)
        result["files"] = facts
        with gfile.GFile(self.result_path(shard) + suffix, "w") as file:
            file.write(json.dumps(result))
        gfile.rename(self.result_path(shard) + suffix, self.result_path(shard), overwrite=True)

    def positions(self, shard):
        return shard_positions(len(self.maker.request.order), self.num_shards, shard)

    def result_path(self, shard):
        """Path of the file that says that a shard is finished, and what became of its images."""
        return f"{self.folder}/shard-{shard:05d}.json"


class _HashedFile:
    """A file that is hashed while it is written."""

    def __init__(self, file):
        self._file = file
        self._digest = hashlib.sha256()
        self._num_bytes = 0

    def write(self, data):
        self._file.write(data)
        self._digest.update(data)
        self._num_bytes += len(data)

    def close(self, num_records):
        """Closes the file and returns its facts for the manifest, see `file_facts`."""
        self._file.close()
        return {
            "bytes": self._num_bytes,
            "records": num_records,
            "sha256": self._digest.hexdigest(),
        }


def _import_beam():
    try:
        import apache_beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError:
        raise ValueError(
            "`--runner` needs Apache Beam. Install it in an environment of its own by "
            '`pip install -e ".[beam]"`, without the constraints file.'
        ) from None
    return apache_beam, PipelineOptions
