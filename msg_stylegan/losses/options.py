"""Options of the adversarial loss: those that all have, and those that single losses define."""

import dataclasses

from msg_stylegan.kimg_schedule import ScheduledFloat
from msg_stylegan.losses.adversarial import GradientPenalty
from msg_stylegan.losses.registry import LOSSES, make_loss, own_options
from msg_stylegan.losses.regularization import Regularization
from msg_stylegan.option import at_least, at_least_and_below, one_of, option, problems_of


@dataclasses.dataclass(frozen=True)
class _SharedOptions:
    name: str = option(
        "logistic",
        "logistic (non-saturating), logistic_saturating, standard, hinge, hinge_gp, "
        "relativistic_logistic (R3GAN's pairs), relativistic_hinge, wgan, wgan_gp, lsgan or "
        "lsgan_sigmoid; lsgan_square_of_means and lsgan_sigmoid_square_of_means are BMSG-GAN's "
        "form of the last two.",
        one_of(*LOSSES),
    )
    r1_gamma: ScheduledFloat = option(
        10.0,
        "Weight of the gradient penalty on reals; the loss adds r1_gamma / 2 * penalty. 0 = no "
        "penalty.",
        at_least(0),
    )
    r2_gamma: ScheduledFloat = option(
        0.0,
        "Weight of the same penalty on fakes; the loss adds r2_gamma / 2 * penalty. 0 = no "
        "penalty.",
        at_least(0),
    )
    penalty_interval: int = option(
        1,
        "Discriminator updates per update with the penalties, which then weigh that much more. 1 = "
        "the penalties are part of every update.",
        at_least(1),
        formerly=("loss.interval",),
    )
    path_length_weight: ScheduledFloat = option(
        0.0,
        "Weight of the squared distance of path lengths, by which images change with w, from their "
        "running mean; StyleGAN2 has 2. 0 = no path length regularisation.",
        at_least(0),
    )
    path_length_interval: int = option(
        4,
        "Generator updates per update with this penalty, which then weighs that much more. 1 = the "
        "penalty is part of every update.",
        at_least(1),
    )
    path_length_decay: ScheduledFloat = option(
        0.99,
        "What is left of the running mean after an update with the penalty.",
        at_least_and_below(0, 1),
    )

    @property
    def loss_class(self):
        """The `AdversarialLoss` that is chosen."""
        return LOSSES[self.name]

    @property
    def own(self):
        """Dictionary of the options that the chosen loss defines."""
        return {field.name: getattr(self, field.name) for field in own_options(self.loss_class)}

    def check(self):
        """Refuses values that are not possible, by themselves or together.

        Raises:
            ValueError: One line per problem.
        """
        problems = list(problems_of(self, "loss.").values()) or self.problems()
        if problems:
            raise ValueError("\n".join(problems))

    def make_loss(self):
        """Returns the `AdversarialLoss`."""
        return make_loss(self.name, **self.own)

    def make_regularization(self):
        """Returns the `Regularization`."""
        own = self.own
        return Regularization(
            r1_gamma=self.r1_gamma,
            r2_gamma=self.r2_gamma,
            gp_lambda=own.get("gp_lambda", 0.0),
            gp_target=own.get("gp_target", 1.0),
            interval=self.penalty_interval,
        )

    @property
    def G_interval(self):
        """Updates of the generator per update with path lengths alone; 1 where there is none."""
        return self.path_length_interval if self.path_length_weight else 1

    def generator_problems(self, generator, data):
        """Why a generator cannot be trained for this, as a list of lines.

        Args:
            generator: `GeneratorOptions`.
            data: `Interface`.
        """
        rule = None
        if generator.body == "scogan":
            rule = "must be 0 with generator.body='scogan', whose batch norms see the whole batch"
        elif generator.resolved(data).use_instance_norm:
            rule = (
                "must be 0 with generator.use_instance_norm, which is differentiated once only; "
                "generator.body='stylegan2' is without"
            )
        if not self.path_length_weight or rule is None:
            return []
        return [f"loss.path_length_weight={self.path_length_weight}: {rule}"]

    def problems(self):
        """Contradictions between options, as a list of lines: name, value and rule."""
        problems = []
        if issubclass(self.loss_class, GradientPenalty) and (self.r1_gamma or self.r2_gamma):
            problems.append(
                f"loss.name={self.name!r}: has a gradient penalty of its own; set loss.r1_gamma=0 "
                "and loss.r2_gamma=0"
            )
        elif self.penalty_interval > 1 and not (
            self.r1_gamma or self.r2_gamma or self.own.get("gp_lambda")
        ):
            problems.append(
                f"loss.penalty_interval={self.penalty_interval}: must be 1 without a penalty"
            )
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            is_foreign = field.name in _OWN and field.name not in self.own
            # What is off needs no loss that has it.
            if is_foreign and value not in (0, field.default):
                having = [name for name, loss in LOSSES.items() if field.name in _names(loss)]
                problems.append(
                    f"loss.{field.name}={value}: must be {field.default} with "
                    f"loss.name={self.name!r}; only {', '.join(having)} have it"
                )
        return problems


def _make_class():
    """`_SharedOptions` with the options of all losses."""
    fields = {}
    for field in (field for loss in LOSSES.values() for field in own_options(loss)):
        if fields.setdefault(field.name, field).default != field.default:
            raise TypeError(f"Two losses define the option {field.name!r} differently.")
    return dataclasses.make_dataclass(
        "LossOptions",
        [
            (name, field.type, dataclasses.field(default=field.default, metadata=field.metadata))
            for name, field in fields.items()
        ],
        bases=(_SharedOptions,),
        namespace={
            "__doc__": "Adversarial loss, and what regularises it; all penalties are averaged over "
            "the scales.",
            "__module__": __name__,
        },
        frozen=True,
    )


def _names(loss):
    return {field.name for field in own_options(loss)}


_OWN = set().union(*map(_names, LOSSES.values()))
LossOptions = _make_class()
