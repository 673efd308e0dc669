"""Padam: Chen et al. 2018 (arXiv:1806.06763)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, parameters

Coefficients = namedtuple(
    "Coefficients",
    "lr_t beta1 one_minus_beta1 beta2 one_minus_beta2 eps b0 b1 b2 b3 b4 b5 b6 b7 b8 b9 b10 b11 b12 b13 b14"
    " k1 k2 k3 k4 k5 k6 k7 k8 zero one two",
)


@parameters
class Padam:
    """AMSGrad with its denominator raised to the power 2p, between momentum (2p = 0) and AMSGrad (2p = 1).

    Source: Chen et al. 2018, Algorithm 1 (arXiv:1806.06763), as in the authors' code: with Adam's bias corrections in
    the step size, and ``eps`` on the root of the uncorrected maximum, inside the power. The trajectory equals that of
    the authors' Padam; pytorch_optimizer's takes no maximum.

    The power is computed by elementary operations, because the last bits of ``power`` differ between libraries:
    repeated square roots give the first 14 binary digits of 2p, and the binomial series of the last root, which is
    near 1, gives the rest. It is within a few units in the last place for every p, and exact for p = 1/2 and p = 0.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    p: Annotated[float, Number("p", "[0, 0.5]")]

    guarantees = Guarantees(
        first_step=lambda h, g: -h.lr * (1 - h.beta2) ** 0.5 * g / ((1 - h.beta2) ** 0.5 * abs(g) + h.eps) ** (2 * h.p),
    )

    def coefficients(self, t, beta1_t=1.0, beta2_t=1.0):
        """Return the corrected step size, the digits of 2p and the series of the rest, and the running powers."""
        beta1_t *= self.beta1
        beta2_t *= self.beta2
        rest = self.p * 2**15 % 1
        k2 = rest * (rest - 1) / 2
        k3 = k2 * (rest - 2) / 3
        k4 = k3 * (rest - 3) / 4
        k5 = k4 * (rest - 4) / 5
        k6 = k5 * (rest - 5) / 6
        k7 = k6 * (rest - 6) / 7
        k8 = k7 * (rest - 7) / 8
        c = Coefficients(
            lr_t=self.lr * np.sqrt(1 - beta2_t) / (1 - beta1_t),
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            eps=self.eps,
            b0=self.p * 2**1 // 1 % 2,
            b1=self.p * 2**2 // 1 % 2,
            b2=self.p * 2**3 // 1 % 2,
            b3=self.p * 2**4 // 1 % 2,
            b4=self.p * 2**5 // 1 % 2,
            b5=self.p * 2**6 // 1 % 2,
            b6=self.p * 2**7 // 1 % 2,
            b7=self.p * 2**8 // 1 % 2,
            b8=self.p * 2**9 // 1 % 2,
            b9=self.p * 2**10 // 1 % 2,
            b10=self.p * 2**11 // 1 % 2,
            b11=self.p * 2**12 // 1 % 2,
            b12=self.p * 2**13 // 1 % 2,
            b13=self.p * 2**14 // 1 % 2,
            b14=self.p * 2**15 // 1 % 2,
            k1=rest,
            k2=k2,
            k3=k3,
            k4=k4,
            k5=k5,
            k6=k6,
            k7=k7,
            k8=k8,
            zero=0.0,
            one=1.0,
            two=2.0,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v, v_max):
        """Apply Algorithm 1 to one coordinate; ``power`` becomes x^(2p)."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        v_max = np.maximum(v_max, v)
        x = np.sqrt(v_max) + c.eps

        power = np.where(c.b0 > c.zero, x, c.one)
        root = np.sqrt(x)
        power = power * np.where(c.b1 > c.zero, root, c.one)
        root = np.sqrt(root)
        power = power * np.where(c.b2 > c.zero, root, c.one)
        root = np.sqrt(root)
        power = power * np.where(c.b3 > c.zero, root, c.one)
        root = np.sqrt(root)
        power = power * np.where(c.b4 > c.zero, root, c.one)
        root = np.sqrt(root)
        power = power * np.where(c.b5 > c.zero, root, c.one)
        root = np.sqrt(root)
        power = power * np.where(c.b6 > c.zero, root, c.one)
        root = np.sqrt(root)
        power = power * np.where(c.b7 > c.zero, root, c.one)
        root = np.sqrt(root)
        power = power * np.where(c.b8 > c.zero, root, c.one)
        root = np.sqrt(root)
        power = power * np.where(c.b9 > c.zero, root, c.one)
        root = np.sqrt(root)
        power = power * np.where(c.b10 > c.zero, root, c.one)
        root = np.sqrt(root)
        power = power * np.where(c.b11 > c.zero, root, c.one)
        root = np.sqrt(root)
        power = power * np.where(c.b12 > c.zero, root, c.one)
        root = np.sqrt(root)
        power = power * np.where(c.b13 > c.zero, root, c.one)
        root = np.sqrt(root)
        power = power * np.where(c.b14 > c.zero, root, c.one)
        z = np.minimum(root, c.two) - c.one
        series = z * (c.k1 + z * (c.k2 + z * (c.k3 + z * (c.k4 + z * (c.k5 + z * (c.k6 + z * (c.k7 + z * c.k8)))))))
        power = power * (c.one + series)

        return theta - c.lr_t * m / power, m, v, v_max
