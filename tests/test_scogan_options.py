"""Options that do not go together with Soft-CoGAN's networks."""

import pytest
from support.scogan_networks import interface, scogan_config

from msg_stylegan.options import changed, validate


@pytest.mark.parametrize(
    ("changes", "data", "message"),
    [
        ({}, interface(64), r"generator\.body='scogan': the images must have 32, 128 or 256"),
        ({}, interface(64), r"discriminator\.body='scogan': the images must .* not 64"),
        ({"connect": "all"}, interface(), r"connect='all': must be 'none' with generator\.body"),
        ({"connect": "32"}, interface(), r"connect='32': must be 'none' with discriminator\.body"),
        ({"generator.channel_base": 64}, interface(), "channel_base="),
        ({"generator.mapping_layers": 2}, interface(), r"generator\.mapping_layers=2: must be 0"),
        ({"generator.w_dim": 7}, interface(), r"generator\.w_dim=7: must be 100, or left out"),
        ({"discriminator.mbstd_group_size": 2}, interface(), "mbstd_group_size=2: must be 0"),
        ({"discriminator.combine": "simple"}, interface(), "combine='simple': must be 'cat_lin'"),
        ({"generator.weight_init": "orthogonal"}, interface(), "must be normal, xavier or he"),
        ({"discriminator.norm": "instance"}, interface(), "must be batch or layer"),
        (
            {"generator.body": "progan", "generator.weight_init": "he"},
            interface(),
            r"generator\.weight_init='he': must be 'normal', or left out, with .*='progan'",
        ),
        (
            {"discriminator.body": "stylegan", "discriminator.norm": "layer"},
            interface(),
            r"discriminator\.norm='layer': must be 'batch', or left out, with .*='stylegan'",
        ),
    ],
)
def test_options_that_do_not_go_together(changes, data, message):
    config = scogan_config()
    # Six images are no multiple of the default group of the minibatch stddev, which is not there.
    config = changed(config, {"schedule.batch_size": 6, "dataset.path": "digits"})
    validate(config, dataset=interface())
    validate(config, dataset=interface(128, 1))
    validate(config)
    with pytest.raises(ValueError, match=message):
        validate(changed(config, changes), dataset=data)
