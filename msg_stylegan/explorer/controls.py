"""The parts of the page that a visitor moves, and their first values."""

import gradio as gr

from msg_stylegan.explorer import html
from msg_stylegan.generation.arguments import MAX_SEED

_PRESS_TILES = """
element.addEventListener('click', (event) => {
  const tile = event.target.closest('.tile');
  if (tile) trigger('click', {index: Number(tile.dataset.index)});
});
"""


class Controls:
    """Components of Gradio, each an attribute; those that a network has no use for are hidden."""

    def __init__(self, views, run_views=()):
        """Adds the components to the block that is open.

        Args:
            views: List of the `View`s of the exhibit.
            run_views: List of the `RunView` of each of them; empty without a run.
        """
        view, names = views[0], [one.name for one in views]
        is_pair = len(names) > 1
        self.domain = gr.Radio(
            names if is_pair else ["a"],
            value=names[0] or "a",
            label="Domain",
            visible=is_pair,
            elem_id="domain",
        )
        with gr.Row():
            self.seed = gr.Number(
                0, label="Seed", precision=0, minimum=0, maximum=MAX_SEED, elem_id="seed"
            )
            self.label_class = gr.Dropdown(
                [("by the seed", ""), *_classes(view.labels)],
                value="",
                label="Class",
                visible=view.labels.classes is not None,
                elem_id="class",
            )
            self.label = gr.Textbox(
                label="Label",
                placeholder="by the seed, or numbers such as 0.3,12",
                visible=bool(view.G.label_size) and view.labels.classes is None,
                elem_id="label",
            )
        with gr.Row():
            self.previous = gr.Button("Previous", size="md", elem_id="previous", min_width=60)
            self.next = gr.Button("Next", size="md", elem_id="next", min_width=60)
            self.random = gr.Button("Random", size="md", elem_id="random", min_width=60)
        with gr.Tabs():
            with gr.Tab("Look"):
                self._add_look(view)
            with gr.Tab("Grid") as self.grid_tab:
                self._add_grid()
            with gr.Tab("Mix", visible=view.G.num_ws > 1):
                self._add_mixing(view)
            with gr.Tab("Directions", visible=bool(view.directions)):
                self._add_directions(view)
            with gr.Tab("Between"):
                self._add_between()
            with gr.Tab("Find"):
                self._add_search(is_pair)
            with gr.Tab("Training", visible=bool(run_views)) as self.run_tab:
                self._add_training(run_views)

    def _add_look(self, view):
        look, has_noise = view.default_look, view.G.options.use_noise
        self.psi = gr.Slider(
            *(-1.0, 2.0),
            value=look.truncation_psi,
            step=0.05,
            label="Truncation psi",
            info="0 is the mean image; 1 leaves the network as it is",
            visible=view.G.has_w_avg,
            elem_id="psi",
        )
        self.cutoff = gr.Slider(
            *(0, view.G.num_ws),
            value=look.truncation_cutoff,
            step=1,
            label="Layers that are truncated",
            visible=view.G.has_w_avg and view.G.num_ws > 1,
            elem_id="cutoff",
        )
        self.noise_mode = gr.Radio(
            [("stored", "const"), ("random", "random"), ("none", "none")],
            value=look.noise_mode,
            label="Noise",
            visible=has_noise,
            elem_id="noise",
        )
        with gr.Row(visible=has_noise):
            self.noise_seed = gr.Number(
                0,
                label="Seed of random noise",
                precision=0,
                minimum=0,
                maximum=MAX_SEED,
                elem_id="noise-seed",
            )
            self.new_noise = gr.Button("New noise", size="md", elem_id="new-noise")

    def _add_grid(self):
        with gr.Row():
            self.back = gr.Button("Earlier seeds", size="sm", elem_id="back")
            self.forth = gr.Button("Later seeds", size="sm", elem_id="forth")
        self.grid = gr.HTML(js_on_load=_PRESS_TILES, elem_id="grid")

    def _add_mixing(self, view):
        last = view.G.num_ws - 1
        self.mix = gr.Checkbox(False, label="Take layers of another seed", elem_id="mix")
        self.style_seed = gr.Number(
            1, label="Other seed", precision=0, minimum=0, maximum=MAX_SEED, elem_id="style-seed"
        )
        self.first_layer = gr.Slider(
            0, max(1, last), value=0, step=1, label="From layer", elem_id="first-layer"
        )
        self.last_layer = gr.Slider(
            *(0, max(1, last)), value=min(3, last), step=1, label="To layer", elem_id="last-layer"
        )
        gr.Markdown(
            "Low layers decide pose and shape, high ones colours and details; two for each scale.",
            elem_classes="note",
        )

    def _add_directions(self, view):
        self.strengths = [
            gr.Slider(-6, 6, value=0, step=0.1, label=f"Direction {i}", elem_id=f"direction-{i}")
            for i in range(len(view.directions))
        ]
        self.reset = gr.Button("Reset", size="sm", elem_id="reset")

    def _add_between(self):
        gr.Markdown(
            "Samples that you keep, in their order. The slider leads from each to the next.",
            elem_classes="note",
        )
        self.shelf = gr.HTML(html.shelf(()), js_on_load=_PRESS_TILES, elem_id="shelf")
        self.position = gr.Slider(
            0, 1, value=0, step=0.01, label="Position", interactive=False, elem_id="position"
        )
        with gr.Row():
            self.transition = gr.Slider(
                *(5, 90), value=30, step=1, label="Frames per transition", elem_id="transition"
            )
            self.closed = gr.Checkbox(True, label="Back to the first", elem_id="closed")
        with gr.Row():
            self.render = gr.Button("Render video", variant="primary", size="md", elem_id="render")
            self.clear = gr.Button("Clear", size="md", elem_id="clear")
        self.video = gr.HTML(elem_id="video")

    def _add_search(self, is_pair):
        spaces = [("w, close to the network", "w"), ("w+, close to the picture", "w+")]
        of_z = ("z, for both domains", "z")
        self.space = gr.Radio(
            [of_z, *spaces] if is_pair else spaces,
            value="z" if is_pair else "w",
            label="Search",
            elem_id="space",
        )
        self.steps = gr.Slider(20, 1000, value=200, step=10, label="Steps", elem_id="steps")
        with gr.Row():
            self.upload = gr.UploadButton(
                "Upload a picture",
                file_types=["image"],
                variant="primary",
                size="md",
                elem_id="upload",
            )
            self.end_search = gr.Button("Stop", size="md", elem_id="stop")
        self.search_note = gr.HTML(
            '<p class="note">The middle square of the picture is brought to the size of the '
            "network. What is found can be edited, mixed and kept.</p>",
            elem_id="search-note",
        )

    def _add_training(self, run_views):
        # Both domains of a pair have the same snapshots.
        count = len(run_views[0].paths) if run_views else 1
        self.snapshot = gr.Slider(
            *(0, max(1, count - 1)),
            value=count - 1,
            step=1,
            label="Snapshot",
            interactive=count > 1,
            elem_id="snapshot",
        )
        self.snapshot_stage = gr.HTML(elem_id="snapshot-stage")
        self.records = gr.HTML(elem_id="records")


def _classes(labels):
    """Texts and values of the classes: list of tuples."""
    if labels.classes is None:
        return []
    names = labels.names or {number: str(number) for number in labels.classes.tolist()}
    return [(names[number], names[number]) for number in labels.classes.tolist()]
