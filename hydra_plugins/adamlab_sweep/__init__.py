"""The lab's plugins for Hydra, which imports them at every start: they import nothing heavy."""
