"""Muon with the Polar Express: Amsel et al. 2025 (arXiv:2505.16932)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.polar_express import composed, polar_express
from adamlab.rules.symbols import LearningRate, Momentum, WeightDecay, parameters

Coefficients = namedtuple("Coefficients", "lr momentum one_minus_momentum decay")

# Algorithm 1: five polynomials for singular values in [1e-3, 1], the cushion of the published coefficients, and a
# margin that divides the argument of each, for values that rounding has taken beyond the end of its interval.
# The authors' list has three more polynomials, and only its last one has no margin.
STEPS, LOW, CUSHION, MARGIN, SMALL = 5, 1e-3, 0.02407327424182761, 1.01, 1e-7
POLYNOMIALS = tuple(p.of(1 / MARGIN) for p in polar_express(STEPS, LOW, CUSHION))


@parameters
class MuonPolar:
    """Muon with optimal quintics, each fitted to where those before it have taken the singular values.

    Source: Amsel, Persson, Musco & Gower 2025, Algorithm 1 (arXiv:2505.16932), inside Muon (Jordan et al. 2024), in
    the array's own dtype. The cushion and the initial scaling of the matrix are those of the authors' code.
    """

    lr: LearningRate
    momentum: Momentum
    weight_decay: WeightDecay

    acts_on = "matrix"
    guarantees = Guarantees(rotation_equivariant=True)

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        c = Coefficients(
            lr=self.lr,
            momentum=self.momentum,
            one_minus_momentum=1 - self.momentum,
            decay=1 - self.lr * self.weight_decay,
        )
        return c, ()

    @staticmethod
    def update(c, g, theta, m):
        """Update the matrix by its Nesterov momentum, orthogonalized and scaled for tall matrices."""
        m = c.momentum * m + c.one_minus_momentum * g
        u = c.one_minus_momentum * g + c.momentum * m
        rows, columns = theta.shape
        scale = theta.dtype.type(np.sqrt(max(1, rows / columns)))
        orthogonal = composed(POLYNOMIALS, u / (MARGIN * np.sqrt(np.sum(u * u)) + SMALL))
        return c.decay * theta - c.lr * scale * orthogonal, m
