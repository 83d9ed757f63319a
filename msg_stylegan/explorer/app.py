"""The page: its parts, and what happens when a visitor touches them."""

import contextlib
import dataclasses
import functools
import inspect
import secrets
import sys
import tempfile
import traceback
from pathlib import Path

import gradio as gr
import numpy as np

from msg_stylegan.explorer import html
from msg_stylegan.explorer.search import Searches, StopButton
from msg_stylegan.explorer.visit import Kept, Visit, caption_of
from msg_stylegan.faults import REPORT, user_message
from msg_stylegan.generation.arguments import MAX_SEED, parse_numbers
from msg_stylegan.generation.interpolation import walk_between
from msg_stylegan.generation.sample import Look, Sample, SeedPoint
from msg_stylegan.pictures.sheets import enlarge
from msg_stylegan.pictures.video import VideoWriter

_NUM_TILES = 24
# Between pictures of a search that are shown.
_SHOWN_STEPS = 5
_FPS = 30
# Videos of small networks are enlarged to at least this side: players blur.
_VIDEO_SIDE = 256
# Random seeds are short, so that they can be told.
_RANDOM_SEEDS = 100_000

_PRESS_TILES = """
element.addEventListener('click', (event) => {
  const tile = event.target.closest('.tile');
  if (tile) trigger('click', {index: Number(tile.dataset.index)});
});
"""

# Drawing waits in one line, in which a control has at most one place: fast clicks do not pile up.
_DRAWING = {
    "concurrency_id": "drawing",
    "concurrency_limit": 1,
    "trigger_mode": "always_last",
    "show_progress": "hidden",
    "api_visibility": "private",
}

# Many pictures take a moment.
_PAGING = {**_DRAWING, "show_progress": "minimal"}


def _once(name, show_progress="minimal"):
    """Options of long work, which a second click does not start again while it runs."""
    return {
        **_DRAWING,
        "concurrency_id": name,
        "trigger_mode": "once",
        "show_progress": show_progress,
    }


@contextlib.contextmanager
def _told():
    """Turns errors of the block into a message on the page."""
    try:
        yield
    except Exception as error:
        message = user_message(error)
        if message is None:
            print(REPORT, file=sys.stderr)
            traceback.print_exc()
            message = "This is a fault of the program. Its server has the details."
        raise gr.Error(message, print_exception=False) from error


def _telling(method):
    """A method, or generator, whose errors are told on the page."""
    if inspect.isgeneratorfunction(method):

        @functools.wraps(method)
        def wrapped(*args, **kwargs):
            with _told():
                yield from method(*args, **kwargs)
    else:

        @functools.wraps(method)
        def wrapped(*args, **kwargs):
            with _told():
                return method(*args, **kwargs)

    return wrapped


class Page:
    """The page of an exhibit.

    Attributes:
        blocks: `gradio.Blocks` to be launched.
    """

    def __init__(self, exhibit, run_view=None):
        """Builds the page and draws its first picture, which compiles the networks.

        Args:
            exhibit: `Exhibit`.
            run_view: `RunView` of its run, or None.
        """
        self._exhibit = exhibit
        self._run_view = run_view
        self._searches = Searches(exhibit.encoder)
        view = exhibit.views[0]
        stage, saving = self._shown(view, Sample(SeedPoint(0), view.default_look))
        # Uploads are gone an hour later, if not at once.
        with gr.Blocks(
            title=f"Explorer · {exhibit.title}", delete_cache=(600, 3600)
        ) as self.blocks:
            self._visit = gr.State(Visit())
            self._stop = gr.State(None, delete_callback=_press)
            gr.HTML(html.heading(exhibit.title, exhibit.summary))
            with gr.Row(elem_id="desk"):
                with gr.Column(scale=5, min_width=320, elem_id="left"):
                    self._stage = gr.HTML(stage, elem_id="stage")
                    self._keep = gr.Button("Keep", elem_id="keep", size="md")
                    self._saving = gr.HTML(saving, elem_id="saving")
                with gr.Column(scale=6, min_width=320, elem_id="right"):
                    self._add_controls()
            self._connect()

    # The parts.

    def _add_controls(self):
        view = self._exhibit.views[0]
        names = [one.name for one in self._exhibit.views]
        is_pair = len(names) > 1
        self._domain = gr.Radio(
            names if is_pair else ["a"],
            value=names[0] or "a",
            label="Domain",
            visible=is_pair,
            elem_id="domain",
        )
        with gr.Row():
            self._seed = gr.Number(
                0, label="Seed", precision=0, minimum=0, maximum=MAX_SEED, elem_id="seed"
            )
            self._class = gr.Dropdown(
                [("by the seed", ""), *_classes(view.labels)],
                value="",
                label="Class",
                visible=view.labels.classes is not None,
                elem_id="class",
            )
            self._label = gr.Textbox(
                label="Label",
                placeholder="by the seed, or numbers such as 0.3,12",
                visible=bool(view.G.label_size) and view.labels.classes is None,
                elem_id="label",
            )
        with gr.Row():
            self._previous = gr.Button("Previous", size="md", elem_id="previous", min_width=60)
            self._next = gr.Button("Next", size="md", elem_id="next", min_width=60)
            self._random = gr.Button("Random", size="md", elem_id="random", min_width=60)
        with gr.Tabs():
            with gr.Tab("Look"):
                self._add_look(view)
            with gr.Tab("Grid") as self._grid_tab:
                self._add_grid()
            with gr.Tab("Mix", visible=view.G.num_ws > 1):
                self._add_mixing(view)
            with gr.Tab("Directions", visible=bool(view.directions)):
                self._add_directions(view)
            with gr.Tab("Between"):
                self._add_between()
            with gr.Tab("Find"):
                self._add_search(is_pair)
            with gr.Tab("Training", visible=self._run_view is not None) as self._run_tab:
                self._add_training()

    def _add_look(self, view):
        look, has_noise = view.default_look, view.G.options.use_noise
        self._psi = gr.Slider(
            *(-1.0, 2.0),
            value=look.truncation_psi,
            step=0.05,
            label="Truncation psi",
            info="0 is the mean image; 1 leaves the network as it is",
            visible=view.G.has_w_avg,
            elem_id="psi",
        )
        self._cutoff = gr.Slider(
            *(0, view.G.num_ws),
            value=look.truncation_cutoff,
            step=1,
            label="Layers that are truncated",
            visible=view.G.has_w_avg and view.G.num_ws > 1,
            elem_id="cutoff",
        )
        self._noise_mode = gr.Radio(
            [("stored", "const"), ("random", "random"), ("none", "none")],
            value=look.noise_mode,
            label="Noise",
            visible=has_noise,
            elem_id="noise",
        )
        with gr.Row(visible=has_noise):
            self._noise_seed = gr.Number(
                0,
                label="Seed of random noise",
                precision=0,
                minimum=0,
                maximum=MAX_SEED,
                elem_id="noise-seed",
            )
            self._new_noise = gr.Button("New noise", size="md", elem_id="new-noise")

    def _add_grid(self):
        with gr.Row():
            self._back = gr.Button("Earlier seeds", size="sm", elem_id="back")
            self._forth = gr.Button("Later seeds", size="sm", elem_id="forth")
        self._grid = gr.HTML(js_on_load=_PRESS_TILES, elem_id="grid")

    def _add_mixing(self, view):
        last = view.G.num_ws - 1
        self._mix = gr.Checkbox(False, label="Take layers of another seed", elem_id="mix")
        self._style_seed = gr.Number(
            1, label="Other seed", precision=0, minimum=0, maximum=MAX_SEED, elem_id="style-seed"
        )
        self._first_layer = gr.Slider(
            0, max(1, last), value=0, step=1, label="From layer", elem_id="first-layer"
        )
        self._last_layer = gr.Slider(
            *(0, max(1, last)), value=min(3, last), step=1, label="To layer", elem_id="last-layer"
        )
        gr.Markdown(
            "Low layers decide pose and shape, high ones colours and details; two for each scale.",
            elem_classes="note",
        )

    def _add_directions(self, view):
        self._strengths = [
            gr.Slider(-6, 6, value=0, step=0.1, label=f"Direction {i}", elem_id=f"direction-{i}")
            for i in range(len(view.directions))
        ]
        self._reset = gr.Button("Reset", size="sm", elem_id="reset")

    def _add_between(self):
        gr.Markdown(
            "Samples that you keep, in their order. The slider leads from each to the next.",
            elem_classes="note",
        )
        self._shelf = gr.HTML(_shelf(()), js_on_load=_PRESS_TILES, elem_id="shelf")
        self._position = gr.Slider(
            0, 1, value=0, step=0.01, label="Position", interactive=False, elem_id="position"
        )
        with gr.Row():
            self._transition = gr.Slider(
                *(5, 90), value=30, step=1, label="Frames per transition", elem_id="transition"
            )
            self._closed = gr.Checkbox(True, label="Back to the first", elem_id="closed")
        with gr.Row():
            self._render = gr.Button("Render video", variant="primary", size="md", elem_id="render")
            self._clear = gr.Button("Clear", size="md", elem_id="clear")
        self._video = gr.HTML(elem_id="video")

    def _add_search(self, is_pair):
        spaces = [("w, close to the network", "w"), ("w+, close to the picture", "w+")]
        of_z = ("z, for both domains", "z")
        self._space = gr.Radio(
            [of_z, *spaces] if is_pair else spaces,
            value="z" if is_pair else "w",
            label="Search",
            elem_id="space",
        )
        self._steps = gr.Slider(20, 1000, value=200, step=10, label="Steps", elem_id="steps")
        with gr.Row():
            self._upload = gr.UploadButton(
                "Upload a picture",
                file_types=["image"],
                variant="primary",
                size="md",
                elem_id="upload",
            )
            self._end_search = gr.Button("Stop", size="md", elem_id="stop")
        self._search_note = gr.HTML(
            '<p class="note">The middle square of the picture is brought to the size of the '
            "network. What is found can be edited, mixed and kept.</p>",
            elem_id="search-note",
        )

    def _add_training(self):
        count = 1 if self._run_view is None else len(self._run_view.paths)
        self._snapshot = gr.Slider(
            *(0, max(1, count - 1)),
            value=count - 1,
            step=1,
            label="Snapshot",
            interactive=count > 1,
            elem_id="snapshot",
        )
        self._snapshot_stage = gr.HTML(elem_id="snapshot-stage")
        self._records = gr.HTML(elem_id="records")

    # What happens.

    def _connect(self):
        controls = [
            *(self._domain, self._class, self._label, self._psi, self._cutoff, self._noise_mode),
            *(self._noise_seed, self._mix, self._style_seed, self._first_layer, self._last_layer),
            *self._strengths,
        ]
        values = {self._visit, self._seed, *controls}
        drawn = [self._visit, self._stage, self._saving]
        reset = [self._mix, *self._strengths]

        gr.on([one.input for one in controls], self._draw, values, drawn, **_DRAWING)
        self._seed.input(self._take_seed, values, drawn, **_DRAWING)
        for button, step in ((self._previous, -1), (self._next, 1), (self._random, None)):
            button.click(
                functools.partial(self._step_seed, step), values, [self._seed, *drawn], **_DRAWING
            )
        self._new_noise.click(
            self._renew_noise, values, [self._noise_mode, self._noise_seed, *drawn], **_DRAWING
        )
        self._reset.click(self._reset_edits, values, [*reset, *drawn], **_DRAWING)

        paged = [self._visit, self._grid]
        self._grid_tab.select(functools.partial(self._turn, 0), values, paged, **_PAGING)
        self._back.click(functools.partial(self._turn, -1), values, paged, **_PAGING)
        self._forth.click(functools.partial(self._turn, 1), values, paged, **_PAGING)
        self._grid.click(self._take_tile, values, [self._seed, *drawn], **_DRAWING)

        kept = [self._visit, self._shelf, self._position]
        self._keep.click(self._keep_sample, values, kept, **_DRAWING)
        self._clear.click(self._clear_shelf, values, kept, **_DRAWING)
        self._position.input(self._move, values | {self._position}, [*reset, *drawn], **_DRAWING)
        self._shelf.click(self._take_kept, values, [self._position, *reset, *drawn], **_DRAWING)
        self._render.click(
            self._render_video,
            {*values, self._transition, self._closed},
            self._video,
            **_once("video"),
        )

        self._upload.upload(
            StopButton, None, self._stop, queue=False, api_visibility="private"
        ).then(
            self._search,
            {*values, self._upload, self._space, self._steps, self._stop},
            [self._search_note, *reset, *drawn],
            **_once("search", "hidden"),
        )
        self._end_search.click(_press, self._stop, None, queue=False, api_visibility="private")
        if self._run_view is not None:
            shown = values | {self._snapshot}
            self._run_tab.select(
                self._show_records, shown, [self._snapshot_stage, self._records], **_DRAWING
            )
            self._snapshot.input(self._show_snapshot, shown, self._snapshot_stage, **_DRAWING)

    @_telling
    def _draw(self, values):
        visit, view = values[self._visit], self._view(values)
        sample = self._sample(values, visit)
        return visit, *self._shown(view, sample)

    def _take_seed(self, values):
        return self._draw({**values, self._visit: values[self._visit].at(None)})

    def _step_seed(self, step, values):
        if step is None:
            seed = secrets.randbelow(_RANDOM_SEEDS)
        else:
            seed = (_whole(values[self._seed]) + step) % (MAX_SEED + 1)
        return seed, *self._take_seed({**values, self._seed: seed})

    def _renew_noise(self, values):
        seed = secrets.randbelow(_RANDOM_SEEDS)
        return (
            "random",
            seed,
            *self._draw({**values, self._noise_mode: "random", self._noise_seed: seed}),
        )

    def _reset_edits(self, values):
        values = self._without_edits(values)
        return *self._edits_of(values), *self._draw(values)

    @_telling
    def _turn(self, pages, values):
        visit, view = values[self._visit], self._view(values)
        last = MAX_SEED + 1 - _NUM_TILES
        first = min(max(0, visit.first_seed + pages * _NUM_TILES), last)
        visit = dataclasses.replace(visit, first_seed=first)
        seeds = range(first, first + _NUM_TILES)
        images = [
            view.small_image(self._sample({**values, self._seed: seed}, visit.at(None)))
            for seed in seeds
        ]
        return visit, html.tiles(images, map(str, seeds), "grid")

    def _take_tile(self, values, event: gr.EventData):
        seed = values[self._visit].first_seed + _index(event, _NUM_TILES)
        return seed, *self._take_seed({**values, self._seed: seed})

    @_telling
    def _keep_sample(self, values):
        visit, view = values[self._visit], self._view(values)
        sample = self._sample(values, visit)
        visit = visit.keeping(Kept(sample, view.small_image(sample), caption_of(sample)))
        return visit, _shelf(visit.kept), _position_slider(visit)

    def _clear_shelf(self, values):
        visit = dataclasses.replace(values[self._visit], kept=())
        return visit, _shelf(()), _position_slider(visit)

    @_telling
    def _move(self, values):
        return self._move_to(values, values[self._position])

    @_telling
    def _take_kept(self, values, event: gr.EventData):
        position = _index(event, len(values[self._visit].kept))
        return position, *self._move_to(values, position)

    def _move_to(self, values, position):
        """The picture at a position between the kept samples; their edits are part of them."""
        values = self._without_edits(values)
        visit = values[self._visit].between(position)
        return *self._edits_of(values), *self._draw({**values, self._visit: visit})

    @_telling
    def _render_video(self, values, progress=gr.Progress()):  # noqa: B008
        view = self._view(values)
        samples = [one.sample for one in values[self._visit].kept]
        if len(samples) < 2:
            raise ValueError("Keep at least two samples: the button is below the picture.")
        frames = walk_between(
            samples,
            view.sampler,
            view.labels,
            transition=int(values[self._transition]),
            closed=values[self._closed],
        )
        zoom = max(1, _VIDEO_SIDE // view.G.resolution)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "interpolation.mp4")
            with VideoWriter(path, _FPS, metadata=view.facts) as video:
                for number, total, images in frames:
                    progress((number, total), unit="frames")
                    video.write(enlarge(images[-1][0], zoom))
            return html.video(path.read_bytes(), path.name)

    @_telling
    def _search(self, values):
        path, view = values[self._upload], self._view(values)
        values, stop = self._without_edits(values), values[self._stop]
        num_steps = int(values[self._steps])
        try:
            searched = self._searches.run(view, path, values[self._space], num_steps, stop)
            for target, step, point in searched:
                is_last = step >= num_steps or stop.is_pressed
                if step % _SHOWN_STEPS and not is_last:
                    continue
                visit = values[self._visit].at(point)
                note = _search_note(target, step, num_steps)
                drawn = self._draw({**values, self._visit: visit})
                yield note, *self._edits_of(values), *drawn
            visit = values[self._visit].at(point)
            yield (
                _search_note(target, step, num_steps, is_done=True),
                *self._edits_of(values),
                *self._draw({**values, self._visit: visit}),
            )
        finally:
            Path(path).unlink(missing_ok=True)

    def _show_records(self, values):
        records = [*self._run_view.curves]
        if self._run_view.reals is not None:
            records.append(self._run_view.reals)
        return self._show_snapshot(values), html.documents(records)

    @_telling
    def _show_snapshot(self, values):
        number = min(int(values[self._snapshot]), len(self._run_view.paths) - 1)
        sample = self._sample(values, values[self._visit])
        images = self._run_view.images(sample, number)
        kimg = f"{self._run_view.kimg[number]:g} kimg"
        return html.stage(images, f"The sample after {kimg}", caption=f"The same latent, {kimg}")

    # From the values of the controls.

    def _view(self, values):
        """The `View` of the domain that is chosen."""
        views = {view.name: view for view in self._exhibit.views}
        return views.get(values[self._domain], self._exhibit.views[0])

    def _sample(self, values, visit):
        """The `Sample` that the controls describe."""
        view = self._view(values)
        is_random = values[self._noise_mode] == "random"
        look = Look(
            float(values[self._psi]),
            int(values[self._cutoff]),
            values[self._noise_mode],
            _whole(values[self._noise_seed]) if is_random else None,
        )
        point, style, layers = visit.point, None, ()
        if point is None:
            point = self._seed_point(values, values[self._seed])
        if values[self._mix]:
            style = self._seed_point(values, values[self._style_seed])
            ends = sorted((int(values[self._first_layer]), int(values[self._last_layer])))
            layers = tuple(range(ends[0], ends[1] + 1))
        edits = view.edits([values[slider] for slider in self._strengths])
        return Sample(point, look, style, layers, edits)

    def _seed_point(self, values, seed):
        label = values[self._label]
        return SeedPoint(
            _whole(seed),
            values[self._class] or None,
            tuple(parse_numbers(label)) if label and label.strip() else None,
        )

    def _without_edits(self, values):
        return {**values, self._mix: False, **dict.fromkeys(self._strengths, 0)}

    def _edits_of(self, values):
        return [values[one] for one in (self._mix, *self._strengths)]

    # What is shown.

    def _shown(self, view, sample):
        """A sample on the stage, and what can be saved of it."""
        flat, projection = view.as_command(sample)
        text, name = caption_of(sample), _picture_name(flat)
        images = view.images_of_w(sample, projection.ws)
        stage = html.stage(images, text, view.picture_facts(flat), name, text)
        others = [other for other in self._exhibit.views if other is not view]
        if others and sample.follows_from_z and _has_labels(others[0], sample):
            caption = f"domain {others[0].name}"
            partner = html.stage(others[0].images(sample), text, caption=caption)
            stage = f'<div class="pair">{stage}{partner}</div>'
        w_name = f"{Path(name).stem}.npz"
        note = "" if sample.is_of_seeds else f"Save w first, as {w_name}, in the current folder."
        commands = self._exhibit.commands(view, flat)
        return stage, html.saving(commands, w_name, projection.encode(), note)


def _picture_name(flat):
    """Name of the file that `generate.py images` writes of a sample."""
    point = flat.point
    if isinstance(point, SeedPoint):
        return f"seed{point.seed:04d}.png"
    return f"{Path(point.name).stem}.png"


def _has_labels(view, sample):
    """Whether a network of the other domain can draw the class or label of a sample."""
    point = sample.point
    if not isinstance(point, SeedPoint) or (point.label_class is None and point.label is None):
        return True
    try:
        point.labels(view.labels)
    except ValueError:
        return False
    return True


def _classes(labels):
    """Texts and values of the classes: list of tuples."""
    if labels.classes is None:
        return []
    names = labels.names or {number: str(number) for number in labels.classes.tolist()}
    return [(names[number], names[number]) for number in labels.classes.tolist()]


def _whole(number):
    """A whole number from a field that may be empty."""
    return int(number or 0)


def _index(event, count):
    """Number of the tile that was pressed. It comes from the browser, so anything may be there."""
    index = event._data.get("index") if isinstance(event._data, dict) else None
    if not isinstance(index, int) or not 0 <= index < count:
        raise gr.Error("There is no such picture.", print_exception=False)
    return index


def _shelf(kept):
    if not kept:
        return '<p class="note">Nothing is kept yet: press Keep below the picture.</p>'
    return html.tiles([one.image for one in kept], [one.caption for one in kept], "shelf")


def _position_slider(visit):
    count = len(visit.kept)
    return gr.Slider(maximum=max(1, count - 1), value=0, interactive=count > 0, label="Position")


def _search_note(target, step, num_steps, is_done=False):
    text = f"Found after {step} steps." if is_done else f"Step {step} of {num_steps}"
    progress = "" if is_done else f'<progress max="{num_steps}" value="{step}"></progress>'
    picture = html.picture(np.asarray(target), "Your picture")
    return f'<div class="target">{picture}<div><p class="note">{text}</p>{progress}</div></div>'


def _press(stop):
    if stop is not None:
        stop.press()
