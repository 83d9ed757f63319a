"""A plain statement of the generator."""

import numpy as np

from support.plain_operations import blurred, convolve, nearest
from support.tiny_generator import table_of


class PlainGenerator:
    """The whole network in NumPy, from the weights by their original names, NHWC."""

    def __init__(self, G):
        self.G = G
        self.options = G.get_config()
        self.arrays = {
            name: np.asarray(variable, np.float64) for name, (variable, _) in table_of(G).items()
        }

    def activate(self, x, name):
        return np.where(x < 0, {"lrelu": 0.2, "relu": 0.0}[name] * x, x)

    def weight(self, name, gain, lr_multiplier=1.0):
        kernel = self.arrays[f"{name}/weight"]
        he_scale = gain / np.sqrt(np.prod(kernel.shape[:-1]))
        return kernel * lr_multiplier * (he_scale if self.options["equalized_lr"] else 1.0)

    def mapping(self, z, labels=None):
        x = z.astype(np.float64)
        if labels is not None:
            x = np.concatenate([x, labels @ self.arrays["G_mapping/LabelConcat/weight"]], axis=1)
        if self.options["normalize_z"]:
            x = x / np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-8)
        lr_multiplier = self.options["mapping_lr_multiplier"]
        for index in range(self.options["mapping_layers"]):
            name = f"G_mapping/Dense{index}"
            x = x @ self.weight(name, np.sqrt(2.0), lr_multiplier)
            x = x + self.arrays[f"{name}/bias"] * lr_multiplier
            x = self.activate(x, self.options["mapping_nonlinearity"])
        return x

    def epilogue(self, x, w, name, index):
        if self.options["use_noise"]:
            noise = self.arrays[f"G_synthesis/noise{index}"]
            x = x + noise * self.arrays[f"{name}/Noise/weight"]
        x = self.activate(x + self.arrays[f"{name}/bias"], self.options["nonlinearity"])
        if self.options["use_pixel_norm"]:
            x = x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-8)
        if self.options["use_instance_norm"]:
            x = x - x.mean(axis=(1, 2), keepdims=True)
            x = x / np.sqrt(np.mean(x**2, axis=(1, 2), keepdims=True) + 1e-8)
        if self.options["use_styles"]:
            style = w @ self.weight(f"{name}/StyleMod", 1.0) + self.arrays[f"{name}/StyleMod/bias"]
            scale, shift = np.split(style[:, None, None], 2, axis=-1)
            x = x * (scale + 1) + shift
        return x

    def synthesis(self, w):
        images, gain, x = [], np.sqrt(2.0), None
        for index, res in enumerate(self.G.resolutions):
            scope = f"G_synthesis/{res}x{res}"
            names = ["Conv0_up", "Conv1"]
            if res > 4:
                x = convolve(nearest(x), self.weight(f"{scope}/Conv0_up", gain))
                if self.options["blur_filter"]:
                    x = blurred(x, self.options["blur_filter"])
            elif self.options["use_const_input"]:
                x, names = np.repeat(self.arrays[f"{scope}/Const/const"], len(w), 0), ["Const"]
            else:
                x, names = w @ self.weight(f"{scope}/Dense", gain / 4), ["Dense"]
                x = x.reshape(len(w), 4, 4, -1)
            second = "Conv1" if res > 4 else "Conv"
            x = self.epilogue(x, w, f"{scope}/{names[0]}", 2 * index)
            x = convolve(x, self.weight(f"{scope}/{second}", gain))
            x = self.epilogue(x, w, f"{scope}/{second}", 2 * index + 1)
            torgb = f"G_synthesis/ToRGB_lod{len(self.G.resolutions) - 1 - index}"
            images.append(convolve(x, self.weight(torgb, 1.0)) + self.arrays[f"{torgb}/bias"])
        return images
