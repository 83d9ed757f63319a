"""Losses of the networks of one domain, and their gradients, on one replica."""

import tensorflow as tf

from msg_stylegan import losses
from msg_stylegan.kimg_schedule import values_at
from msg_stylegan.networks import ops
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.training.randomness import Stream
from msg_stylegan.training.reals import fade_images, images_to_float, mirror_images


class DomainLosses:
    """What the generator and the discriminator of one domain are trained for.

    All methods run per replica. Losses are summed over the local batch and divided by the global
    batch size, because the optimizers add the gradients of the replicas up.

    Args:
        networks: `Domain` of networks.
        random: `StepRandomness`.
        cur_nimg: int64 variable: real images shown so far.
        batch_size: Images per update, over all replicas.
        loss: `LossOptions`.
        mirror: Whether reals are mirrored left to right half of the time.
        label_rows: `[num_images, label_size]` labels of the data set, from which those of the G
            update are drawn; None when unconditional.
        noise_mode: Noise of the generator in training.
        augmentation: `Augmentation` of all images that D sees, made in the scope of the strategy;
            or None.
        fade: Function of a number of images ago to the share of the highest level, or None.
        moves_w: Whether drawing fakes in training moves the running mean of w. A part of a batch
            does not know the mean, and a function that XLA compiles must not change variables:
            then it is for `Generator.track_w`.
        D_scale: `LossScale` of the discriminator, or None.
        suffix: What the names of the statistics of this domain end in.
    """

    def __init__(
        self,
        networks,
        *,
        random,
        cur_nimg,
        batch_size,
        loss,
        mirror=False,
        label_rows=None,
        noise_mode="random",
        augmentation=None,
        fade=None,
        moves_w=True,
        D_scale=None,
        suffix="",
    ):
        self.networks = networks
        self.random = random
        self.cur_nimg = cur_nimg
        self.batch_size = batch_size
        self.loss = loss.make_loss()
        self.regularization = loss.make_regularization()
        self.mirror = mirror
        self.label_rows = None if label_rows is None else tf.constant(label_rows)
        self.noise_mode = noise_mode
        self.augmentation = augmentation
        self.fade = fade
        self.moves_w = moves_w
        self.D_scale = D_scale
        self.suffix = suffix

    def draw_labels(self, random, stream):
        """Labels of this replica's share of a batch of fakes, `[n, label_size]`, or None.

        Args:
            random: `StepRandomness` of the batch.
            stream: The `Stream` of its labels.
        """
        if self.label_rows is None:
            return None
        uniform = random.draw(tf.random.stateless_uniform, [], stream)
        row = tf.cast(uniform * float(len(self.label_rows)), tf.int32)
        return tf.gather(self.label_rows, tf.minimum(row, len(self.label_rows) - 1))

    def reals_of(self, batch, images_ago=0):
        """Images and labels (or None) of a batch as the D update so many images ago saw them."""
        images = self.random.part(batch["images"])
        if self.fade is not None:
            images = fade_images(images, self.fade(images_ago))
        if self.mirror:
            uniform = self.random.draw(
                tf.random.stateless_uniform, [], Stream.MIRROR, images_ago=images_ago
            )
            images = mirror_images(images, uniform < 0.5)
        return images, self.labels_of(batch)

    def labels_of(self, batch):
        """Labels of the reals of a batch, or None."""
        return None if self.label_rows is None else self.random.part(batch["labels"])

    def D_gradients(self, reals, labels, z, noise_seed=None, mixing=None):
        """Gradients of the discriminator loss on one replica, multiplied by `D_scale`.

        Args:
            reals: `[n, r, r, C]`, pixels from 0 to 255.
            labels: `[n, label_size]` of the reals, also used for the fakes; or None.
            z: `[n, z_dim]`.
            noise_seed: Stateless seed `[2]` of the noise of the generator, or None.
            mixing: What is mixed into z, see `Generator`, or None.

        Returns:
            Tuple of the list of gradients and a dictionary of sums over the local batch, divided
            by the global batch size.
        """
        fakes, _ = self.draw(z, labels, noise_seed, mixing)
        names = () if self.regularization.is_lazy else self.regularization.names
        with tf.GradientTape() as tape:
            penalties, real_logits, fake_logits = self._judge(
                images_to_float(reals), fakes, labels, names
            )
            loss = self._noisy_loss().D(real_logits, fake_logits)
            loss = self._mean(loss + self._now(self.regularization).total(penalties))
        stats = {
            "Loss/scores/real": self._mean(real_logits),
            "Loss/scores/fake": self._mean(fake_logits),
            **self._penalty_stats(loss, penalties),
        }
        if self.augmentation is not None:
            stats["Loss/scores/real_sign"] = self._mean(tf.sign(real_logits))
        return self._gradients(tape, loss), self._named(stats)

    def penalty_gradients(self, reals, labels, z, noise_seed=None, mixing=None):
        """Gradients of `interval` times the penalties alone; otherwise as `D_gradients`.

        The statistics are multiplied by the interval too: they are the share of one update.
        """
        # The D update has moved the running mean of w by these latents already.
        fakes = self.draw(z, labels, noise_seed, mixing, training=False)[0]
        names, interval = self.regularization.names, float(self.regularization.interval)
        with tf.GradientTape() as tape:
            penalties, _, _ = self._judge(images_to_float(reals), fakes, labels, names)
            loss = self._mean(self._now(self.regularization).total(penalties)) * interval
        stats = self._penalty_stats(
            loss, {name: penalty * interval for name, penalty in penalties.items()}
        )
        return self._gradients(tape, loss), self._named(stats)

    def _gradients(self, tape, loss):
        return gradients_of(tape, loss, self.networks.D.trainable_variables, self.D_scale)

    def G_loss(self, fakes, labels, reals=None):
        """The loss of the generator, a scalar.

        Args:
            fakes: Images of the generator, as D sees them.
            labels: `[n, label_size]` of the fakes, or None.
            reals: `[n, r, r, C]`, pixels from 0 to 255, and their labels (or None), for a loss that
                needs them.
        """
        fake_logits, real_logits = self._see(fakes, labels, Stream.FAKES_OF_G), None
        if self.loss.G_needs_reals:
            images, real_labels = reals
            images = self.pyramid(images_to_float(images))
            real_logits = self._see(images, real_labels, Stream.REALS_OF_G)
        return self._mean(self._now(self.loss).G(fake_logits, real_logits))

    def _judge(self, reals, fakes, labels, names):
        """Penalties by name, and the logits of reals `[n, r, r, C]` and of a list of fakes."""

        def see(stream):
            return lambda images: self._see(images, labels, stream)

        of_reals, of_fakes = see(Stream.REALS_OF_D), see(Stream.FAKES_OF_D)
        scale = self.D_scale and self.D_scale.of_inner
        penalties = {}
        if "r1" in names:
            penalties["r1"], real_logits = losses.r1_penalty(of_reals, reals, self.pyramid, scale)
        else:
            real_logits = of_reals(self.pyramid(reals))
        if "r2" in names:
            penalties["r2"], fake_logits = losses.r2_penalty(of_fakes, fakes, scale)
        else:
            fake_logits = of_fakes(fakes)
        if "gradient" in names:
            epsilon = self.random.draw(tf.random.stateless_uniform, [1, 1, 1], Stream.MIXTURE)
            penalties["gradient"] = losses.gradient_penalty(
                see(Stream.MIXED_OF_D),
                self.pyramid(reals),
                fakes,
                epsilon,
                self._now(self.regularization).gp_target,
                scale,
            )
        return penalties, real_logits, fake_logits

    def _see(self, images, labels, stream):
        """Logits of a list of images. Every list takes this way into D, within every gradient.

        Args:
            images: List of `[n, r, r, C]`, low to high resolution, of the scales of D.
            labels: `[n, label_size]` or None.
            stream: The `Stream` that names the list.
        """
        if self.augmentation is not None:
            seed = self.random.seed(stream)
            with self.random.drawing():
                parameters = self.augmentation.draw(seed, self.batch_size, self.cur_nimg)
            images = self.augmentation(images, self.random.share(parameters))
        return self.networks.D(
            images, labels, training=True, dropout_seed=self.random.replica_seed(stream)
        )

    def draw(self, z, labels, noise_seed=None, mixing=None, training=True):
        """Fakes of the scales that D sees, and features of the generator, low to high."""
        fakes, features = self.networks.G(
            z,
            labels,
            noise_mode=self.noise_mode,
            noise_seed=noise_seed,
            mixing=mixing,
            training=training and self.moves_w,
            with_features=True,
        )
        resolutions = self.networks.D.resolutions
        return [image for image in fakes if image.shape[1] in resolutions], features

    def pyramid(self, images):
        """Scales of images `[n, r, r, C]` that D sees, low to high."""
        return ops.image_scales(images, self.networks.D.resolutions)

    def stat_names(self):
        """Names of all statistics of updates of this domain."""
        names = ["Loss/scores/real", "Loss/scores/fake", *self._penalty_stats(0.0, {})]
        if self.augmentation is not None:
            names += ["Loss/scores/real_sign", "Loss/augment/probability"]
        return list(self._named(dict.fromkeys(["Loss/G/loss", *names])))

    def penalty_names(self):
        """Names of the statistics that `penalty_gradients` gives."""
        return list(self._named(self._penalty_stats(0.0, {})))

    def _penalty_stats(self, loss, penalties):
        """Statistics of a loss of D and its penalties. R1 has a place in every line of them."""
        names = dict.fromkeys(["r1", *self.regularization.names])
        return {
            "Loss/D/loss": loss,
            **{f"Loss/{name}_penalty": tf.constant(0.0) for name in names},
            **{f"Loss/{name}_penalty": self._mean(p) for name, p in penalties.items()},
        }

    def _named(self, stats):
        return {f"{name}{self.suffix}": value for name, value in stats.items()}

    def _noisy_loss(self):
        """The loss, with the noisy targets of this update if there are any."""
        seed = self.random.seed(Stream.TARGETS)

        def draw():
            with self.random.drawing():
                return tf.random.stateless_normal([2], seed)

        return self._now(self.loss).with_noise(draw)

    def _now(self, options):
        """Options as they are at the present image, instead of schedules."""
        # Outside of what XLA compiles, like the random numbers.
        with self.random.drawing():
            return values_at(options, self.cur_nimg)

    def _mean(self, per_sample):
        return tf.reduce_sum(per_sample) / float(self.batch_size)


def gradients_of(tape, loss, variables, scale=None):
    """Gradients of a loss; zeros for variables that it does not depend on.

    Args:
        tape: The tape that has seen the loss.
        loss: Scalar.
        variables: Weights.
        scale: `LossScale` that multiplies them, or None.
    """
    return tape.gradient(
        loss,
        # TensorFlow cannot make zeros for a variable of Keras 3.
        [tensorflow_variable(variable) for variable in variables],
        output_gradients=None if scale is None else tf.convert_to_tensor(scale.value),
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
