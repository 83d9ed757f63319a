"""Real images are translated to the other domain, and their true partners ranked."""

import dataclasses

import pytest
from support.metric_inputs import array_inputs, make_metric, results_of
from support.network_weights import multiply_outputs
from support.stored_data_sets import write_records
from support.tiny_pair import generated_pairs, make_pair, make_pair_run
from support.tiny_run import make_dataset

from metrics import translation_rank
from metrics.partners import Partners
from msg_stylegan.commands import run_metrics
from msg_stylegan.sampling.sampler import draw_latents, to_uint8

COUNT = 12


def drawn(G, z):
    return to_uint8(G(z, noise_mode="const")[-1]).numpy()


@pytest.fixture(scope="module")
def nets():
    nets = make_pair("negative", has_encoder=True)
    for domain in nets.domains:
        # Fewer of the pixels are limited to black or white, where nothing can be read from them.
        multiply_outputs(domain.G_ema, 0.3)
    return nets


@pytest.fixture(scope="module")
def z(nets):
    return draw_latents(nets.G_ema, 7, 0, COUNT)[0]


@pytest.fixture(scope="module")
def folder(nets, z, tmp_path_factory):
    """True pairs: images of both generators, with the same latents and noise."""
    folder = tmp_path_factory.mktemp("true")
    a, b = (drawn(domain.G_ema, z) for domain in nets.domains)
    for name, images in (("a", a), ("a_partners", b), ("b", b), ("b_partners", a)):
        write_records(folder / name, images)
    return folder


def scores_of(nets, folder, name=f"translation_rank{COUNT}_correlation"):
    assert make_metric(translation_rank.FAMILY, name).of_partners
    pairs = generated_pairs(nets, partners=Partners(folder))
    inputs = dataclasses.replace(array_inputs(), pairs=pairs)
    return results_of(translation_rank.FAMILY, name, inputs)


def test_translations_of_perfect_pairs_are_near_their_partners(nets, folder):
    scores = scores_of(nets, folder, f"translation_rank{COUNT}_correlation_search")
    assert scores["_chance_mean_rank"] == (COUNT + 1) / 2
    assert scores["_mean_rank"] < 2.5
    assert scores["_top1"] > 0.5
    # The correlation of a negative is that of its original.
    assert scores["_untranslated_top1"] == scores["_untranslated_mean_rank"] == 1
    assert "_untranslated_chance_top1" not in scores


def test_translations_are_those_of_the_encoder_if_there_is_one(nets, folder, z):
    scores = scores_of(nets, folder)
    # It was not trained, and knows nothing.
    assert 3 < scores["_mean_rank"] < 10
    assert scores != scores_of(nets, folder, f"translation_rank{COUNT}_correlation_search")


def test_true_pairs_must_be_there_and_aligned(tmp_path):
    for folder, message in ((None, "partners in the other domain are known"), (tmp_path, "no .*a")):
        with pytest.raises(ValueError, match=message) as error:
            Partners(folder).open("a")
        assert "create_pair same_names" in str(error.value) and "--partners" in str(error.value)
    make_dataset(tmp_path / "a", num_images=4)
    make_dataset(tmp_path / "a_partners", num_images=5)
    with pytest.raises(ValueError, match=r"4 images and .* 5: they do not belong together"):
        Partners(tmp_path).open("a")


def test_no_more_images_than_there_are(nets, folder):
    with pytest.raises(ValueError, match=r"asks for 13 images, and .*a has 12"):
        scores_of(nets, folder, "translation_rank13_correlation")


def test_the_command_ranks_true_partners(tmp_path, folder, capsys):
    for name in ("tiny", "other"):
        make_dataset(tmp_path / "data" / name)
    run_dir = make_pair_run(tmp_path, relation="negative", has_encoder=True, snapshots=[0])
    arguments = [
        "--run=1",
        "--metrics=translation_rank4_correlation",
        f"--result_dir={tmp_path / 'results'}",
        f"--cache_dir={tmp_path / 'cache'}",
    ]
    assert run_metrics.main(arguments) == 1
    assert "translation_rank4_correlation cannot be computed yet" in capsys.readouterr().err
    assert run_metrics.main([*arguments, f"--partners={folder}"]) == 0
    assert (run_dir / "metric-translation_rank4_correlation.jsonl").is_file()
    # The default is the folder of the data set.
    for name in ("a", "a_partners", "b", "b_partners"):
        (tmp_path / "data" / name).symlink_to(folder / name)
    assert run_metrics.main(arguments) == 0
    (line,) = (run_dir / "metric-translation_rank4_correlation.jsonl").read_text().splitlines()
    assert '"partners"' in line
