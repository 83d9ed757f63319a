"""MSG-StyleGAN and its training step, written plainly: the yardstick of `train_step.py`.

Plain means what one writes first in TensorFlow 2 when only the result counts: resampling and
convolution one after the other, norms and styles statement by statement, one small assignment per
weight of the average, Keras' Adam, one compiled function per step. Nothing is made slow on purpose:
R1 and the loss share one forward pass of D, the blur is depthwise, the means are `avg_pool2d`, and
everything is NHWC. Unconditional, 3 channels, default options. Weight names are the original's.
"""

import math

import tensorflow as tf
from tensorflow import keras

LEAK, EPSILON, W_AVG_BETA, R1_GAMMA, LEARNING_RATE = 0.2, 1e-8, 0.995, 10.0, 0.003
MAPPING_LAYERS, MAPPING_LR, GROUP_SIZE, SQRT2 = 8, 0.01, 4, math.sqrt(2.0)
BLUR = [[a * b / 16.0 for b in (1.0, 2.0, 1.0)] for a in (1.0, 2.0, 1.0)]


class PlainTraining:
    """Weights of G, D and the average of G, and the step that trains them.

    Args:
        resolution: Side of the images, in pixels.
        channel_base: Channels at 2x2 pixels, halved with every doubling of the resolution.
        channel_max: Most channels of a layer.
        width: Size of z, of w and of the mapping layers.
        batch_size: Images per update.
        ema_kimg: Half-life of the average.
    """

    def __init__(self, resolution, channel_base, channel_max, width, batch_size, ema_kimg=10.0):
        self.levels = int(math.log2(resolution)) - 1
        self.nf = [min(channel_base >> level, channel_max) for level in range(self.levels + 1)]
        self.width, self.batch_size = width, batch_size
        self.ema_beta = 0.5 ** (batch_size / (ema_kimg * 1000.0))
        self.G, self.D = self.generator_weights(), self.discriminator_weights()
        self.G_ema = {k: tf.Variable(v, trainable=v.trainable) for k, v in self.G.items()}
        self.G_opt = keras.optimizers.Adam(LEARNING_RATE, beta_1=0.0, beta_2=0.99, epsilon=1e-8)
        self.D_opt = keras.optimizers.Adam(LEARNING_RATE, beta_1=0.0, beta_2=0.99, epsilon=1e-8)
        self.G_opt.build(list(trainable(self.G).values()))
        self.D_opt.build(list(trainable(self.D).values()))

    def generator_weights(self):
        p = {"dlatent_avg": tf.Variable(tf.zeros([self.width]), trainable=False)}
        for i in range(MAPPING_LAYERS):
            p[f"G_mapping/Dense{i}/weight"] = normal(self.width, self.width, std=1 / MAPPING_LR)
            p[f"G_mapping/Dense{i}/bias"] = zeros(self.width)
        p["G_synthesis/4x4/Const/const"] = tf.Variable(tf.ones([1, 4, 4, self.nf[1]]))
        for i, (name, c_in, c, size) in enumerate(self.synthesis_layers()):
            p[f"G_synthesis/noise{i}"] = tf.Variable(
                tf.random.normal([1, size, size, 1]), trainable=False
            )
            if i:
                p[f"{name}/weight"] = normal(3, 3, c_in, c)
            p[f"{name}/Noise/weight"], p[f"{name}/bias"] = zeros(c), zeros(c)
            p[f"{name}/StyleMod/weight"] = normal(self.width, 2 * c)
            p[f"{name}/StyleMod/bias"] = zeros(2 * c)
        for level in range(1, self.levels + 1):
            name = f"G_synthesis/ToRGB_lod{self.levels - level}"
            p[f"{name}/weight"], p[f"{name}/bias"] = normal(1, 1, self.nf[level], 3), zeros(3)
        return p

    def synthesis_layers(self):
        """Name, input channels, output channels and side of every synthesis layer."""
        for level in range(1, self.levels + 1):
            size, c = 2 ** (level + 1), self.nf[level]
            first, second = ("Const", "Conv") if level == 1 else ("Conv0_up", "Conv1")
            yield f"G_synthesis/{size}x{size}/{first}", self.nf[level - 1], c, size
            yield f"G_synthesis/{size}x{size}/{second}", c, c, size

    def discriminator_weights(self):
        p = {"FromRGB_lod0/weight": normal(1, 1, 3, self.nf[-1])}
        p["FromRGB_lod0/bias"] = zeros(self.nf[-1])
        for level in range(self.levels, 0, -1):
            block, c = f"{2 ** (level + 1)}x{2 ** (level + 1)}", self.nf[level]
            if level < self.levels:
                p[f"{block}/combine/weight"] = normal(1, 1, c + 3, c)
            conv0 = "Conv0" if level > 1 else "Conv"
            p[f"{block}/{conv0}/weight"], p[f"{block}/{conv0}/bias"] = (
                normal(3, 3, c + 1, c),
                zeros(c),
            )
            if level > 1:
                p[f"{block}/Conv1_down/weight"] = normal(3, 3, c, self.nf[level - 1])
                p[f"{block}/Conv1_down/bias"] = zeros(self.nf[level - 1])
        p["4x4/Dense0/weight"] = normal(16 * self.nf[1], self.nf[0])
        p["4x4/Dense0/bias"] = zeros(self.nf[0])
        p["4x4/Dense1/weight"], p["4x4/Dense1/bias"] = normal(self.nf[0], 1), zeros(1)
        return p

    def generate(self, z, random_noise=True):
        """Images `[N, r, r, 3]`, low to high resolution; moves the running mean of w."""
        p = self.G
        w = z * tf.math.rsqrt(tf.reduce_mean(tf.square(z), axis=1, keepdims=True) + EPSILON)
        for i in range(MAPPING_LAYERS):
            w = tf.matmul(w, scaled(p[f"G_mapping/Dense{i}/weight"], lr=MAPPING_LR))
            w = tf.nn.leaky_relu(w + p[f"G_mapping/Dense{i}/bias"] * MAPPING_LR, LEAK)
        mean = tf.reduce_mean(w, axis=0)
        p["dlatent_avg"].assign(mean + W_AVG_BETA * (p["dlatent_avg"] - mean))

        x, images = tf.tile(p["G_synthesis/4x4/Const/const"], [self.batch_size, 1, 1, 1]), []
        for i, (name, _, c, size) in enumerate(self.synthesis_layers()):
            if i > 0 and i % 2 == 0:
                x = tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)
            if i > 0:
                x = convolve(x, p[f"{name}/weight"])
            if i > 0 and i % 2 == 0:
                x = blur(x)
            noise = p[f"G_synthesis/noise{i}"]
            if random_noise:
                noise = tf.random.normal([self.batch_size, size, size, 1])
            x = x + noise * p[f"{name}/Noise/weight"]
            x = tf.nn.leaky_relu(tf.nn.bias_add(x, p[f"{name}/bias"]), LEAK)
            x = x - tf.reduce_mean(x, axis=[1, 2], keepdims=True)
            x = x * tf.math.rsqrt(
                tf.reduce_mean(tf.square(x), axis=[1, 2], keepdims=True) + EPSILON
            )
            style = tf.matmul(w, scaled(p[f"{name}/StyleMod/weight"], gain=1.0))
            style = tf.reshape(style + p[f"{name}/StyleMod/bias"], [-1, 2, 1, 1, c])
            x = x * (style[:, 0] + 1.0) + style[:, 1]
            if i % 2 == 1:
                rgb = f"G_synthesis/ToRGB_lod{self.levels - 1 - i // 2}"
                images.append(
                    tf.nn.bias_add(convolve(x, p[f"{rgb}/weight"], gain=1.0), p[f"{rgb}/bias"])
                )
        return images

    def discriminate(self, images):
        """Logits `[N, 1]` of images from low to high resolution."""
        p = self.D
        x = tf.nn.bias_add(convolve(images[-1], p["FromRGB_lod0/weight"]), p["FromRGB_lod0/bias"])
        x = tf.nn.leaky_relu(x, LEAK)
        for level in range(self.levels, 0, -1):
            block = f"{2 ** (level + 1)}x{2 ** (level + 1)}"
            if level < self.levels:
                x = tf.concat([x, images[level - 1]], axis=3)
                x = convolve(x, p[f"{block}/combine/weight"])
            x = add_minibatch_stddev(x)
            conv0 = "Conv0" if level > 1 else "Conv"
            x = tf.nn.bias_add(
                convolve(x, p[f"{block}/{conv0}/weight"]), p[f"{block}/{conv0}/bias"]
            )
            x = tf.nn.leaky_relu(x, LEAK)
            if level > 1:
                x = convolve(blur(x), p[f"{block}/Conv1_down/weight"])
                x = tf.nn.bias_add(
                    tf.nn.avg_pool2d(x, 2, 2, "VALID"), p[f"{block}/Conv1_down/bias"]
                )
                x = tf.nn.leaky_relu(x, LEAK)
        x = tf.reshape(x, [self.batch_size, -1])
        x = tf.matmul(x, scaled(p["4x4/Dense0/weight"])) + p["4x4/Dense0/bias"]
        x = tf.nn.leaky_relu(x, LEAK)
        return tf.matmul(x, scaled(p["4x4/Dense1/weight"], gain=1.0)) + p["4x4/Dense1/bias"]

    def D_gradients(self, reals, z, random_noise=True):
        """Loss, and gradients of D by name, for uint8 reals `[N, r, r, 3]`."""
        images = [tf.cast(reals, tf.float32) * (2.0 / 255.0) - 1.0]
        fakes = self.generate(z, random_noise)
        with tf.GradientTape() as tape:
            with tf.GradientTape(watch_accessed_variables=False) as r1_tape:
                r1_tape.watch(images)
                for _ in range(self.levels - 1):
                    images.insert(0, tf.nn.avg_pool2d(images[0], 2, 2, "VALID"))
                real_logits = self.discriminate(images)
                total = tf.reduce_sum(real_logits)
            gradients = r1_tape.gradient(total, images)
            penalty = tf.add_n([tf.reduce_sum(tf.square(g), [1, 2, 3]) for g in gradients])
            penalty = penalty[:, None] / self.levels
            fake_logits = self.discriminate(fakes)
            loss = tf.nn.softplus(fake_logits) + tf.nn.softplus(-real_logits)
            loss = tf.reduce_mean(loss + penalty * (R1_GAMMA / 2.0))
        return loss, tape.gradient(loss, trainable(self.D), unconnected_gradients="zero")

    def G_gradients(self, z, random_noise=True):
        """Loss, and gradients of G by name."""
        with tf.GradientTape() as tape:
            logits = self.discriminate(self.generate(z, random_noise))
            loss = tf.reduce_mean(tf.nn.softplus(-logits))
        return loss, tape.gradient(loss, trainable(self.G))

    @tf.function
    def step(self, reals):
        """One update of D, of the average and of G. Returns both losses."""
        D_loss, gradients = self.D_gradients(reals, tf.random.normal([self.batch_size, self.width]))
        update(self.D_opt, gradients, self.D)
        for name, average in self.G_ema.items():
            beta = self.ema_beta if average.trainable else 0.0
            average.assign(self.G[name] + beta * (average - self.G[name]))
        G_loss, gradients = self.G_gradients(tf.random.normal([self.batch_size, self.width]))
        update(self.G_opt, gradients, self.G)
        return D_loss, G_loss


def normal(*shape, std=1.0):
    return tf.Variable(tf.random.normal(shape, stddev=std))


def zeros(size):
    return tf.Variable(tf.zeros([size]))


def trainable(weights):
    return {name: v for name, v in weights.items() if v.trainable}


def update(optimizer, gradients, weights):
    optimizer.apply_gradients([(gradients[name], v) for name, v in trainable(weights).items()])


def scaled(weight, gain=SQRT2, lr=1.0):
    """Equalized learning rate: the He scale, applied when the weight is used."""
    return weight * (gain * lr / math.sqrt(math.prod(weight.shape[:-1])))


def convolve(x, weight, gain=SQRT2):
    return tf.nn.conv2d(x, scaled(weight, gain), strides=1, padding="SAME")


def blur(x):
    kernel = tf.tile(tf.constant(BLUR)[:, :, None, None], [1, 1, x.shape[3], 1])
    return tf.nn.depthwise_conv2d(x, kernel, strides=[1, 1, 1, 1], padding="SAME")


def add_minibatch_stddev(x):
    n, h, w, c = x.shape
    y = tf.reshape(x, [GROUP_SIZE, n // GROUP_SIZE, h, w, c])
    y = y - tf.reduce_mean(y, axis=0, keepdims=True)
    y = tf.sqrt(tf.reduce_mean(tf.square(y), axis=0) + EPSILON)
    y = tf.reduce_mean(y, axis=[1, 2, 3], keepdims=True)
    y = tf.tile(y, [GROUP_SIZE, h, w, 1])
    return tf.concat([x, y], axis=3)
