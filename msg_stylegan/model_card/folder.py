"""The folder of a model card: README.md, the snapshot and a picture of samples; perhaps a Space."""

from pathlib import Path

from msg_stylegan import files
from msg_stylegan.model_card.card import card_text
from msg_stylegan.model_card.readme import README_FILE
from msg_stylegan.model_card.run_facts import read_run, without_folders
from msg_stylegan.model_card.space import add_space
from msg_stylegan.networks import save_networks
from msg_stylegan.pictures.sheets import save_image, scale_sheet, side_by_side
from msg_stylegan.pretrained import load_networks
from msg_stylegan.sampling.label_table import label_table
from msg_stylegan.sampling.sampler import Sampler, default_psi, latents_of_seeds

PICTURE_FILE = "samples.png"
_SHEET_SAMPLES = 16
# The picture has at most so many pixels, but at least one sample.
_SHEET_PIXELS = 2**23
# Smaller images are enlarged to about this size.
_SHOWN_SIZE = 64


def write_model_folder(run_dir, folder, *, name, license_name=None, space=None):
    """Writes the folder in one piece.

    Args:
        run_dir: Run directory.
        folder: Folder to make.
        name: Title of the card.
        license_name: Licence as model hubs write it, such as "cc-by-nc-4.0"; None if unknown.
        space: `SpaceOptions` of the Space that the folder becomes, too; None for none.

    Returns:
        Path of the snapshot in the run that was taken.

    Raises:
        FileNotFoundError: The run has no snapshot yet, or as `add_space`.
        FileExistsError: `folder` exists and is not empty.
        ValueError: As `add_space`.
    """
    facts = read_run(run_dir)
    nets = load_networks(facts.snapshot)
    info = without_folders(nets.info)
    names = "ab"[: len(nets.domains)]
    alone = [nets.of_domain(name) for name in names]
    domains = [(own.G_ema, label_table(own.G_ema, own.info), own.info) for own in alone]
    with files.atomic_directory(folder) as temporary:
        save_image(_sample_sheet(domains), temporary / PICTURE_FILE)
        save_networks(nets, temporary / facts.snapshot.name, info)
        text = card_text(
            name,
            facts,
            info,
            domains,
            license_name=license_name,
            picture=PICTURE_FILE,
            snapshot=facts.snapshot.name,
        )
        files.write_text(temporary / README_FILE, text)
        if space is not None:
            add_space(temporary, nets, facts.snapshot.name, space)
    return facts.snapshot


def add_space_to_card(folder, space):
    """Makes a folder that has a model card already a Space; see `add_space`.

    Args:
        folder: The folder.
        space: `SpaceOptions`.

    Raises:
        ValueError: There is not just one file of networks.
    """
    found = sorted(Path(folder).glob("*.keras"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ValueError(f"{folder}: expected one file of networks (.keras). There are: {names}.")
    add_space(folder, load_networks(found[0]), found[0].name, space)


def _sample_sheet(domains):
    """All scales of the images of the first seeds, those of both domains side by side.

    Args:
        domains: As for `card_text`.

    Returns:
        uint8 `[H, W, C]`.
    """
    G, table, _ = domains[0]
    zoom = max(_SHOWN_SIZE // G.resolution, 1)
    most = _SHEET_PIXELS // (len(G.resolutions) * (zoom * G.resolution) ** 2)
    seeds = range(min(max(most, 1), _SHEET_SAMPLES))
    of_domains = []
    for own_G, own_table, _ in domains:
        # A pair of images has one label.
        labels = (table if own_G.label_size == G.label_size else own_table).of_seeds(seeds)
        sampler = Sampler(
            own_G, min(len(seeds), 4), truncation_psi=default_psi(G), noise_mode="const"
        )
        of_domains.append(sampler(latents_of_seeds(G, seeds), labels))
    images = [side_by_side(*scale) for scale in zip(*of_domains, strict=True)]
    return scale_sheet(images, columns=2, zoom=zoom)
