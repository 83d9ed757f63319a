"""What couples two domains: terms with closed forms, and weights that stay equal."""

import numpy as np
import pytest
import tensorflow as tf
from support.network_weights import randomize
from support.plain_operations import assert_close, normal
from support.tiny_pair import make_pair

from msg_stylegan.coupling.coupled_batch import CoupledBatch
from msg_stylegan.coupling.coupling import Coupling
from msg_stylegan.coupling.cycle import CycleConsistency
from msg_stylegan.coupling.feature import FeatureRegularizer
from msg_stylegan.coupling.sharing import share_weights, start_equal
from msg_stylegan.coupling.weights import WeightRegularizer
from msg_stylegan.options import CouplingOptions


def random_pair(**kind):
    """Networks that have no weight in common."""
    nets = make_pair(**kind)
    randomize(nets)
    return nets


def constant_scales(value, channels, sides=(4, 8, 16)):
    return [tf.fill([3, side, side, channels], float(value)) for side in sides]


def batch_of(**parts):
    given = dict.fromkeys(("z", "images", "features", "reals", "generators"))
    return CoupledBatch(**{**given, **parts})


def test_features_of_low_resolutions_count():
    a, b = constant_scales(1.0, 5), constant_scales(1.0, 5)
    b[0], b[1], b[2] = b[0] + 2.0, b[1] - 3.0, b[2] + 100.0
    batch = batch_of(features=(a, b), images=(constant_scales(0.5, 1), constant_scales(0.0, 3)))
    assert_close(FeatureRegularizer(4)(batch), [4.0] * 3)
    assert_close(FeatureRegularizer(8)(batch), [4.0 + 9.0] * 3)
    # The gray images of 4x4 and 8x8 are compared with colour ones.
    assert_close(FeatureRegularizer(8, images=True)(batch), [4.0 + 9.0 + 2 * 0.25] * 3)


def test_features_are_compared_sample_by_sample():
    a, b = [normal(4, 4, 4, 2)], [normal(4, 4, 4, 2, seed=1)]
    together = FeatureRegularizer(4)(batch_of(features=(a, b)))
    assert_close(together, np.mean((a[0] - b[0]) ** 2, axis=(1, 2, 3)))


def test_weights_of_both_generators():
    nets = random_pair()
    batch = batch_of(z=tf.zeros([3, 8]), generators=(nets.G, nets.G_b))
    expected = sum(
        np.mean((np.asarray(a) - np.asarray(b)) ** 2, dtype=np.float64)
        for a, b in zip(nets.G.trainable_variables, nets.G_b.trainable_variables, strict=True)
    )
    assert expected > 0
    assert_close(WeightRegularizer()(batch), [expected] * 3, 1e-4)
    alike = batch_of(z=tf.zeros([3, 8]), generators=(nets.G, nets.G))
    assert_close(WeightRegularizer()(alike), [0.0] * 3)


def test_weights_up_to_the_layers_that_make_images():
    nets = random_pair()
    start_equal(nets)
    batch = batch_of(z=tf.zeros([3, 8]), generators=(nets.G, nets.G_b))
    assert_close(WeightRegularizer(features_only=True)(batch), [0.0] * 3)
    assert np.all(WeightRegularizer()(batch) > 0)
    bias = nets.G_b.synthesis.blocks[0].epilogue0.bias
    bias.assign(np.asarray(bias) + 3.0)
    assert_close(WeightRegularizer(features_only=True)(batch), [9.0] * 3)


def test_weights_of_gray_and_colour_generators_count_where_they_have_the_same_shape():
    nets = random_pair(channels=(1, 3))
    value = WeightRegularizer()(batch_of(z=tf.zeros([1, 8]), generators=(nets.G, nets.G_b)))
    pairs = zip(nets.G.trainable_variables, nets.G_b.trainable_variables, strict=True)
    alike = [(np.asarray(a), np.asarray(b)) for a, b in pairs if a.shape == b.shape]
    # Kernel and bias of three layers that make images have another one.
    assert len(alike) == len(nets.G.trainable_variables) - 6
    assert_close(value, [sum(np.mean((a - b) ** 2) for a, b in alike)], 1e-4)


def test_the_encoder_sees_both_domains():
    def encoder(images):
        return tf.reduce_mean(images[-1], axis=(1, 2))

    z = tf.constant([[1.0, 2.0, 3.0]] * 3)
    images = (constant_scales(2.0, 1), constant_scales(-1.0, 3))
    values = CycleConsistency(encoder)(batch_of(z=z, images=images))
    # |2 - z| of one domain, |-1 - z| of the other.
    assert_close(values, [(1 + 0 + 1) / 3 + (2 + 3 + 4) / 3] * 3)


def layer_of_each_variable(G, D):
    """Dictionary from the identity of a variable to its layer: a resolution, or a name."""
    layers = {"mapping": G.mapping}
    for block in (*G.synthesis.blocks, *D.blocks):
        layers[block.resolution, type(block)] = block
    # What makes or reads images is a layer of its own within a block.
    for block in G.synthesis.blocks:
        layers["torgb", block.resolution] = block.torgb
    for block in D.blocks:
        image_layer = block.fromrgb if block.is_top else block.combine
        layers["fromrgb", block.resolution] = image_layer
    return {
        id(variable): name[0] if isinstance(name, tuple) else name
        for name, layer in layers.items()
        for variable in layer.trainable_variables
    }


def test_hard_sharing_is_about_the_layers_of_low_resolution():
    nets = random_pair()
    options = CouplingOptions(sharing="hard", G_shared_resolution=8, D_shared_resolution=4)
    places = share_weights(nets, options)
    layers = [layer_of_each_variable(domain.G, domain.D) for domain in nets.domains]
    for kind, expected in (("G", {"mapping", 4, 8}), ("D", {4})):
        variables = [id(variable) for variable in nets.trainable(kind)]
        shared = [(layers[0][variables[a]], layers[1][variables[b]]) for a, b in places[kind]]
        # The same layer of the other network.
        assert all(of_a == of_b for of_a, of_b in shared)
        assert {of_a for of_a, _ in shared} == expected
        # All variables of these layers.
        of_a = variables[: len(variables) // 2]
        assert len(shared) == sum(layers[0][variable] in expected for variable in of_a)


@pytest.mark.parametrize("sharing", ["none", "mapping", "hard"])
def test_shared_weights_start_equal_and_others_do_not(sharing):
    nets = random_pair()
    places = share_weights(nets, CouplingOptions(sharing=sharing))
    for kind in "GD":
        variables = [np.asarray(variable) for variable in nets.trainable(kind)]
        half = len(variables) // 2
        shared = {b for _, b in places[kind]}
        for i in range(half):
            is_equal = np.array_equal(variables[i], variables[half + i])
            assert is_equal == (half + i in shared)
    if sharing != "none":
        shared = [(np.asarray(v), i) for i, v in enumerate(nets.G_ema.mapping.trainable_variables)]
        for value, i in shared:
            np.testing.assert_array_equal(value, nets.G_ema_b.mapping.trainable_variables[i])


def test_colour_and_gray_may_share_but_not_where_images_are_appended():
    share_weights(random_pair(channels=(1, 3)), CouplingOptions(sharing="hard"))
    nets = random_pair(channels=(1, 3), combine="simple")
    with pytest.raises(ValueError, match=r"coupling.sharing='hard': .* \(3, 3, .* the other"):
        share_weights(nets, CouplingOptions(sharing="hard"))


def test_gradients_of_shared_weights_are_added_and_the_encoder_is_not_weighted():
    nets = random_pair(has_encoder=True)
    options = CouplingOptions(sharing="mapping", cycle=5.0)
    places = share_weights(nets, options)
    coupling = Coupling(options, nets, places, {})
    count = len(nets.trainable("G"))
    gradients = [tf.constant(float(2**i % 1009)) for i in range(count)]
    shared = coupling.share("G", gradients)
    own = count - len(nets.E.trainable_variables)
    pairs = dict(places["G"]) | {b: a for a, b in places["G"]}
    for i in range(count):
        expected = gradients[i] + gradients[pairs[i]] if i in pairs else gradients[i]
        assert float(shared[i]) == pytest.approx(float(expected) / (1 if i < own else 5.0))
    assert coupling.share("D", gradients[:3]) == gradients[:3]
