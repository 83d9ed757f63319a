"""Options of training steps in which samples are drawn for, or share, more than a sum."""

# For `support.replicas_probe`; on the data sets "tiny" and "tiny_b".
STEP_CASES = {
    "gradient penalty": {"loss.name": "wgan_gp", "loss.r1_gamma": 0.0},
    "augmentation": {
        "loss.r1_gamma": 1.0,
        "augment.groups": ["all"],
        "augment.probability": 0.7,
        "augment.interval": 1,
        "augment.kimg": 0.1,
    },
    "pair": {
        "dataset.path_b": "tiny_b",
        "coupling.sharing": "mapping",
        "coupling.feature": 10.0,
        "coupling.weights": 10.0,
        "coupling.cycle": 10.0,
    },
    "pairs of samples and schedules": {
        "loss.name": "relativistic_logistic",
        "loss.r1_gamma": "2@0,0.2@0.016",
        "loss.r2_gamma": "1@0,0.1@0.016",
        "augment.groups": ["color"],
        "augment.adaptive": False,
        "augment.probability": "0.2@0,0.8@0.016",
        "optimizer.beta2": "0.9@0,0.99@0.016",
        "schedule.ema_kimg": "0@0,0.1@0.016",
    },
    "path lengths": {
        "generator.body": "stylegan2",
        "discriminator.body": "residual",
        "loss.r1_gamma": 1.0,
        "loss.path_length_weight": 2.0,
        "loss.path_length_interval": 2,
        "schedule.style_mixing_prob": 0.9,
    },
}
