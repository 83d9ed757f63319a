"""What the name of a metric means: images, feature network, headline, and which value is best."""

import types

import pytest
from support.metric_inputs import asked_count

from metrics.metric import MetricOptions
from metrics.registry import get_metric, get_metrics, known_names

JUDGE = types.SimpleNamespace(resolution=8)
DINO, OTHER = {"feature_network": "dino"}, {"feature_network": "vit-l.14"}
# Name -> options, full name, images (0 for all, None where they are not counted as such), network.
NAMES = [
    ("fid50k", {}, "fid50k", 50_000, "inception"),
    ("fid50000", {}, "fid50k", 50_000, "inception"),
    ("fid2500_full", {}, "fid2500_full", 2500, "inception"),
    ("fid50k_full", {"num_images": 10_000}, "fid10k_full", 10_000, "inception"),
    ("fid", {}, "fid", 0, "inception"),
    ("fid", {"num_images": 500}, "fid500", 500, "inception"),
    ("clean_fid50k_full", {}, "clean_fid50k_full", 50_000, "clean_inception"),
    ("clean_fid", {}, "clean_fid", 0, "clean_inception"),
    ("keras_fid5k", {}, "keras_fid5k", 5000, "keras_inception"),
    ("fid50k", DINO, "fd50k-dino", 50_000, "dino"),
    ("fd50k", DINO, "fd50k-dino", 50_000, "dino"),
    ("fd5k_full-vit-l.14", OTHER, "fd5k_full-vit-l.14", 5000, "vit-l.14"),
    ("fid", DINO, "fd-dino", 0, "dino"),
    ("fd5k-efficientnet", {}, "fd5k-efficientnet", 5000, "efficientnet"),
    ("fid50k_full-efficientnet", DINO, "fd50k_full-efficientnet", 50_000, "efficientnet"),
    ("fd-efficientnet", {"num_images": 9}, "fd9-efficientnet", 9, "efficientnet"),
    ("clean_fid5k", DINO, "clean_fid5k", 5000, "clean_inception"),
    ("kid50k", {}, "kid50k", 50_000, "inception"),
    ("kid50k_full", {}, "kid50k_full", 50_000, "inception"),
    ("kid", {}, "kid", 0, "inception"),
    ("kid50k", {"num_images": 500}, "kid500", 500, "inception"),
    ("kid5k", DINO, "kd5k-dino", 5000, "dino"),
    ("kd5k_full-dino", DINO, "kd5k_full-dino", 5000, "dino"),
    ("kd5k_full-efficientnet", DINO, "kd5k_full-efficientnet", 5000, "efficientnet"),
    ("pr5k3-efficientnet", {}, "pr5k3-efficientnet", 5000, "efficientnet"),
    ("dc5k5_full-efficientnet", DINO, "dc5k5_full-efficientnet", 5000, "efficientnet"),
    # The classes are those of one network, whatever the user has.
    ("is50k", {}, "is50k", 50_000, "inception"),
    ("is50k", {"num_images": 123}, "is123", 123, "inception"),
    ("is", {}, "is", 0, "inception"),
    ("is10k", DINO, "is10k", 10_000, "inception"),
    ("pr50k3", {}, "pr50k3", 50_000, "vgg16"),
    ("pr50k3_full", {}, "pr50k3_full", 50_000, "vgg16"),
    ("pr3", {}, "pr3", 0, "vgg16"),
    ("pr50k3", {"num_images": 33}, "pr333", 33, "vgg16"),
    ("pr333", {}, "pr333", 33, "vgg16"),
    ("pr10k3", DINO, "pr10k3-dino", 10_000, "dino"),
    ("pr10k3_full-dino", DINO, "pr10k3_full-dino", 10_000, "dino"),
    ("dc50k5", {}, "dc50k5", 50_000, "vgg16"),
    ("dc50k5_full", {}, "dc50k5_full", 50_000, "vgg16"),
    ("dc5", {}, "dc5", 0, "vgg16"),
    ("dc50k5", {"num_images": 20}, "dc205", 20, "vgg16"),
    ("dc205_full", DINO, "dc205_full-dino", 20, "dino"),
    ("ppl2_wend", {}, "ppl2_wend", None, "lpips"),
    ("ppl2_wend50k", {}, "ppl2_wend", None, "lpips"),
    ("ppl2_wend10k", {}, "ppl2_wend10k", None, "lpips"),
    ("ppl_zfull", {"num_images": 123}, "ppl_zfull123", None, "lpips"),
    ("ppl_wfull", DINO, "ppl_wfull", None, "lpips"),
    ("msssim10k", {}, "msssim10k", 20_000, None),
    ("msssim5", {}, "msssim5", 10, None),
    ("msssim", {}, "msssim", 0, None),
    ("msssim10k", {"num_images": 4000}, "msssim2k", 4000, None),
    ("msssim10k", {"num_images": 7}, "msssim3", 6, None),
    ("swd16k", {}, "swd16k", 16384, None),
    ("swd2k", {}, "swd2k", 2048, None),
    ("swd500", {}, "swd500", 500, None),
    ("swd2048", {}, "swd2k", 2048, None),
    ("swd16k", {"num_images": 1000}, "swd1000", 1000, None),
    ("swd16k", {"num_images": 1024}, "swd1k", 1024, None),
    ("stability36", {"num_images": 1000}, "stability36", None, None),
    ("pixel_agreement1k_edge", {}, "pixel_agreement1k_edge", None, None),
    ("pixel_agreement1000_rotated", {}, "pixel_agreement1k_rotated", None, None),
    ("pixel_agreement1k_edge", {"num_images": 20}, "pixel_agreement20_edge", None, None),
    ("label_agreement1k", {"classifier": JUDGE}, "label_agreement1k", None, "classifier"),
    ("pair_lpips1000", {}, "pair_lpips1k", None, "lpips"),
    ("cycle_error1k", {"num_images": 20}, "cycle_error20", None, None),
    ("retrieval1k_lpips", {}, "retrieval1k_lpips", None, "lpips_embedding"),
    ("translation_rank100_lpips", {}, "translation_rank100_lpips", None, "lpips_embedding"),
    (
        "translation_rank1k_correlation_search",
        {},
        "translation_rank1k_correlation_search",
        None,
        None,
    ),
    ("retrieval1k_correlation", {"num_images": 50}, "retrieval50_correlation", None, None),
]
# Beginning of a name -> what its headline has at the end; more is better for all but the first.
HEADLINES = {
    "swd": "_avg",
    "is": "_mean",
    "pr": "_recall",
    "dc": "_coverage",
    "pixel_agreement": "",
    "label_agreement": "",
    "retrieval": "_top1",
    "translation_rank": "_mean_rank",
}


@pytest.mark.parametrize(("name", "options", "expected", "count", "network"), NAMES)
def test_names_say_what_is_measured(name, options, expected, count, network):
    metric = get_metric(name, MetricOptions(**options))
    assert metric.name == expected
    assert metric.networks == ((network,) if network else ())
    assert count is None or asked_count(metric) == count
    family = next((start for start in HEADLINES if name.startswith(start)), None)
    assert metric.headline == expected + HEADLINES.get(family, "")
    assert metric.lower_is_better == (family in (None, "swd", "translation_rank"))
    # A full name means the same metric again.
    assert get_metric(expected, MetricOptions(**options)).name == expected


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("fid1", {}, "fid1 needs at least 2 images. Received 1"),
        ("fid0k", {}, "Received 0"),
        ("fd50k", {}, "fd50k looks through a feature network of yours.* Received none"),
        ("fid50k-dino", {}, "looks through the feature network 'dino'.* Received none"),
        ("fd50k-dino", OTHER, "'dino'.* Received that of 'vit-l.14'"),
        ("clean_fd50k", OTHER, "two feature networks"),
        ("keras_fid50k-clip", {"feature_network": "clip"}, "two feature networks"),
        ("kid1", {}, "kid1 needs at least 2 images"),
        ("kd50k", {}, "kd50k looks through a feature network of yours"),
        ("is9", {}, "is9 needs at least 10 images"),
        ("pr33", {}, r"pr33 needs at least 4 images\. Received 3"),
        ("pr50k3-clip", DINO, "'clip'.* Received that of 'dino'"),
        ("dc55", {}, r"dc55 needs at least 6 images\. Received 5"),
        ("ppl2_wend0k", {}, "ppl2_wend0k needs at least 1 images"),
        ("msssim0", {}, "msssim0 needs at least 1 pair. Received 0"),
        ("msssim10k", {"num_images": 1}, "msssim10k needs at least 1 pair. Received 0"),
        ("stability0", {}, "stability0 needs at least 1 latent"),
        ("swd0k", {}, "at least 2 images"),
        ("pixel_agreement1_edge", {}, "needs at least 2 images"),
        ("pixel_agreement1k_blurred", {}, "Unknown metric"),
        ("label_agreement1k", {}, "label_agreement1k asks a classifier.* --classifier"),
        ("label_agreement0", {"classifier": JUDGE}, "needs at least 1 images"),
        ("pair_lpips1", {}, "needs at least 2 images"),
        ("cycle_error1", {}, "needs at least 2 images"),
        ("retrieval1k", {}, "Unknown metric.*retrieval1k_"),
        ("retrieval1024_lpips", {}, "Expected a multiple of it. Received 1024"),
        ("retrieval1k_correlation", {"num_images": 49}, "at least 50 images"),
        ("sdw16k", {}, r"Unknown metric 'sdw16k'. Did you mean swd16k"),
        ("something", {}, r"Known metrics: fid50k, .*swd2k, swd16k"),
        *(
            (name, {}, "Unknown metric")
            for name in ("swd16K", "swd", "swd16k_", "swd-1", "", "ppl2_zfull", "ppl_wmid", "ppl")
        ),
    ],
)
def test_impossible_names_are_explained(name, options, message):
    with pytest.raises(ValueError, match=message):
        get_metric(name, MetricOptions(**options))


def test_known_names_are_known():
    options = MetricOptions(classifier=JUDGE)
    assert [metric.name for metric in get_metrics(known_names(), options)] == known_names()


def test_one_metric_is_not_computed_twice():
    with pytest.raises(ValueError, match="swd2k is asked for more than once"):
        get_metrics(["swd2k", "swd2048"])
    with pytest.raises(ValueError, match="swd100 is asked for more than once"):
        get_metrics(["swd2k", "swd16k"], MetricOptions(100))
