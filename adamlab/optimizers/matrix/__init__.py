"""Methods whose rule needs the parameters as a matrix; see `adamlab.optimizers`."""
