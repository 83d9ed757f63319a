"""The text of a model card: front matter for model hubs, then Markdown."""

import re

from msg_stylegan.model_card.readme import join_readme
from msg_stylegan.sampling.label_table import short_float
from msg_stylegan.sampling.sampler import default_psi

_TASK = "unconditional-image-generation"
_PROJECT = "MSG-StyleGAN for TensorFlow 2"
# Titles of what is said of the data of each domain.
_DATA = ("Data", "Data of the other domain")


def card_text(name, facts, info, domains, *, license_name, picture, snapshot):
    """Writes the card.

    Args:
        name: Title of the card.
        facts: `RunFacts`.
        info: `Networks.info` of the snapshot, without folders.
        domains: For each domain a tuple of its generator, the `LabelTable` of it, and the
            `Networks.info` of this domain.
        license_name: Name of a licence as model hubs write it, such as "cc-by-nc-4.0"; None if it
            is not known.
        picture: Name of the picture beside the card.
        snapshot: Name of the file of networks beside the card.

    Returns:
        Markdown text.
    """
    G, table, _ = domains[0]
    parts = [
        f"\n# {name}",
        _introduction(domains),
        f"![Samples]({picture})\n\n*{_legend(domains)}*",
        *(
            _table(title, _data(of_domain, own_G, own_table))
            for title, (own_G, own_table, of_domain) in zip(_DATA, domains, strict=False)
        ),
        _table("Training", _training(facts, info)),
        _scores(facts),
        _usage(G, table, snapshot, *(of_domain[:2] for of_domain in domains[1:])),
        _licence(license_name),
    ]
    matter = _front_matter(name, facts, info, G, license_name)
    return join_readme(matter, "\n\n".join(parts) + "\n")


def _front_matter(name, facts, info, G, license_name):
    dataset = info.get("dataset", "unknown")
    scores = facts.scores.items()
    metrics = [{"type": key, "name": key, "value": value} for key, value in scores]
    matter = {
        "license": license_name or "unknown",
        "library_name": "msg-stylegan",
        "pipeline_tag": _TASK,
        "tags": ["gan", "stylegan", "msg-gan", "tensorflow", "image-generation"],
    }
    if names := [info[key] for key in ("dataset", "dataset_b") if key in info]:
        matter["datasets"] = [re.sub(r"[^\w./-]", "-", name) for name in names]
    if metrics:
        result = {
            "task": {"type": _TASK},
            "dataset": {"type": dataset, "name": f"{dataset}, {G.resolution}x{G.resolution}"},
            "metrics": metrics,
        }
        matter["model-index"] = [{"name": name, "results": [result]}]
    return matter


def _introduction(domains):
    G = domains[0][0]
    labels = f", conditioned by labels of size {G.label_size}" if G.label_size else ""
    pair = ""
    if len(domains) > 1:
        names = " and ".join(info.get("dataset", "unknown") for _, _, info in domains)
        pair = (
            f" It is a pair of networks for two domains, {names}: images of both from the same "
            "latent belong together, which was learned from images that do not. The method of the "
            "pair is that of CoGAN ([Liu and Tuzel 2016](https://arxiv.org/abs/1606.07536)) and "
            "Soft-CoGAN."
        )
    return (
        f"A generative adversarial network that makes images of {G.resolution}x{G.resolution} "
        f"pixels, {'grey' if G.num_channels == 1 else 'RGB'}{labels}, and all smaller scales with "
        f"them: {_scales(G)}. Trained with {_PROJECT}. The method is that of "
        f"[MSG-GAN](https://arxiv.org/abs/1903.06048) by Karnewar and Wang (CVPR 2020).{pair}"
    )


def _legend(domains):
    each = f"Each strip is one sample at {_scales(domains[0][0])} pixels."
    return f"{each} Beside it is the other domain." if len(domains) > 1 else each


def _data(info, G, table):
    options = info.get("options", {}).get("dataset", {})
    return {
        "data set": info.get("dataset", "unknown"),
        "resolution": f"{G.resolution}x{G.resolution}",
        "channels": G.num_channels,
        "labels": table.describe(),
        "mirrored": "half of the images" if options.get("mirror") else "no",
    }


def _training(facts, info):
    rows = {"snapshot": facts.snapshot.name}
    if "cur_nimg" in info:
        rows["real images shown"] = f"{info['cur_nimg'] / 1000:g} kimg"
    if origin := info.get("init_from"):
        rows["started from"] = _origin(origin)
    if facts.best:
        rows["chosen as the best by"] = f"{facts.best['metric']}: {facts.best['value']:g}"
    if "version" in info:
        rows["software"] = f"{_PROJECT} {info['version']}"
    options = info.get("options", {})
    sections = ("schedule", "optimizer", "loss", "generator", "discriminator")
    if "init_from" in info:
        sections += ("transfer",)
    if "dataset_b" in info:
        sections += ("coupling",)
    for section in sections:
        for key, value in options.get(section, {}).items():
            rows[f"`{section}.{key}`"] = value
    return rows


def _origin(facts):
    """The networks that a training started from, by `Origin.facts`."""
    trained = f" of {facts['cur_nimg'] / 1000:g} kimg" if "cur_nimg" in facts else ""
    on = f" on {facts['dataset']}" if "dataset" in facts else ""
    return f"{facts['file']}{trained}{on}, SHA-256 {facts['sha256']}"


def _scores(facts):
    if not facts.metrics:
        return "## Scores\n\nThis snapshot has not been scored."
    rows = {key: f"{value:.6g}" for key, value in facts.scores.items()}
    note = (
        "Of this snapshot, by `msg-stylegan metrics`. The number in a name says how many images "
        "were compared.\n\n"
    )
    return _table("Scores", rows, f"{note}| score | value |")


def _usage(G, table, snapshot, partner=None):
    """How to draw; `partner` is a tuple of generator and `LabelTable` of the other domain."""
    call_b = f"partners = nets.G_ema_b(z{_options(*partner)})\n" if partner else ""
    return (
        "## Use\n\n"
        "```python\n"
        "import msg_stylegan\n"
        "import numpy as np\n\n"
        f'nets = msg_stylegan.load_networks("{snapshot}")\n'
        f"z = nets.G_ema.place_z(np.random.randn(4, {G.z_dim}))\n"
        f"images = nets.G_ema(z{_options(G, table)})\n{call_b}"
        "```\n\n"
        f"`images` is a list, low to high resolution ({_scales(G)}), of arrays `[4, r, r, "
        f"{G.num_channels}]` in about [-1, 1]. `msg-stylegan export` writes the generator for "
        "TensorFlow, TFLite and ONNX without this package."
    )


def _options(G, table):
    """What a generator is called with after z."""
    labels = ""
    if G.label_size:
        label = [short_float(x) for x in table.read_labels([0])[0]]
        labels = f", labels=np.array([{label}] * 4)"
    if table.classes is not None:
        labels = f", labels=np.eye({G.label_size})[[{table.classes[0]}] * 4]"
    return labels + (f", truncation_psi={default_psi(G)}" if G.has_mapping else "")


def _licence(license_name):
    chosen = f"`{license_name}`, chosen by the publisher." if license_name else "Not stated."
    return (
        f"## Licence\n\n{chosen} The images that the network was trained on have a licence of "
        "their own, which may limit what the weights and what they draw can be used for. "
        f"{_PROJECT} is under the MIT licence."
    )


def _table(title, rows, head="| | |"):
    lines = (f"| {key} | {_cell(value)} |" for key, value in rows.items())
    return "\n".join([f"## {title}\n", head, "|---|---|", *lines])


def _cell(value):
    if isinstance(value, list):
        value = ", ".join(map(str, value)) or "none"
    # A bar would end the cell.
    return str(value).replace("|", "\\|").replace("\n", " ")


def _scales(G):
    return ", ".join(map(str, G.resolutions))
