"""Settings of the original system that presets for little time change."""

ORIGINAL = {
    "generator.mapping_layers": 8,
    "generator.mapping_width": 512,
    "generator.mapping_lr_multiplier": 0.01,
    "loss.r1_gamma": 10.0,
    "schedule.ema_kimg": 10.0,
}
