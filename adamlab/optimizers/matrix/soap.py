"""SOAP: Vyas et al. 2024 (arXiv:2409.11321)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, WeightDecay, parameters

Coefficients = namedtuple("Coefficients", "lr_t beta1 one_minus_beta1 beta2 one_minus_beta2 eps decay first refresh")


@parameters
class SOAP:
    """Adam in the basis of Shampoo's eigenvectors, which one power iteration refreshes every few steps.

    Source: Vyas et al. 2024, Algorithm 3 (arXiv:2409.11321), and the authors' code: the first gradient sets the bases
    and moves nothing, ``eps`` is added to the root of the uncorrected second moment, decay comes last, and a refresh
    orders the basis by the eigenvalues. The trajectory equals that of pytorch_optimizer's SOAP on square matrices of
    full rank, except for its float32 in the refresh; elsewhere the eigenvectors are not unique.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    weight_decay: WeightDecay
    precondition_frequency: Annotated[float, Number("f", "[1, inf)")]

    acts_on = "matrix"
    guarantees = Guarantees(scale_invariant=True)

    def first_state(self, theta):
        """Return zeros for the moments, Shampoo's two matrices and the two bases."""
        zeros, (left, right) = np.zeros_like(theta), (np.zeros((n, n)) for n in theta.shape)
        return zeros, zeros, left, right, left, right

    def coefficients(self, t, beta1_t=1.0, beta2_t=1.0):
        """Return the scalars of step ``t`` and the running powers of beta1 and beta2, which start one step late."""
        first = t == 1
        if not first:
            beta1_t *= self.beta1
            beta2_t *= self.beta2
        c = Coefficients(
            lr_t=0.0 if first else self.lr * np.sqrt(1 - beta2_t) / (1 - beta1_t),
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            eps=self.eps,
            decay=1 - self.lr * self.weight_decay,
            first=1.0 if first else 0.0,
            refresh=1.0 if (t - 1) % self.precondition_frequency == 0 else 0.0,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v, left, right, left_basis, right_basis):
        """Update the matrix by Adam in the current bases, then compute the matrices and bases of the next step."""
        next_left = c.beta2 * left + c.one_minus_beta2 * (g @ g.T)
        next_right = c.beta2 * right + c.one_minus_beta2 * (g.T @ g)
        if c.first:
            return theta, m, v, next_left, next_right, eigenvectors(next_left), eigenvectors(next_right)
        m = c.beta1 * m + c.one_minus_beta1 * g
        g_turned = left_basis.T @ g @ right_basis
        v = c.beta2 * v + c.one_minus_beta2 * (g_turned * g_turned)
        u = (left_basis.T @ m @ right_basis) / (np.sqrt(v) + c.eps)
        theta = c.decay * (theta - c.lr_t * (left_basis @ u @ right_basis.T))
        if c.refresh:
            left_basis, rows = refreshed(next_left, left_basis)
            right_basis, columns = refreshed(next_right, right_basis)
            v = v[rows][:, columns]
        return theta, m, v, next_left, next_right, left_basis, right_basis


def eigenvectors(matrix):
    """Return the eigenvectors of a symmetric matrix as columns, or nan if the matrix is not finite."""
    if not np.all(np.isfinite(matrix)):
        return np.full_like(matrix, np.nan)
    return np.linalg.eigh(matrix)[1]


def refreshed(matrix, basis):
    """Return the basis after one power iteration, its columns by falling eigenvalue, and their permutation."""
    product = matrix @ basis
    order = np.argsort(-np.sum(basis * product, axis=0))
    return np.linalg.qr(product[:, order])[0], order
