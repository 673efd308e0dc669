"""Methods whose rule needs a sum over the vector: norms, means, the share of a mask; see `adamlab.optimizers`."""
