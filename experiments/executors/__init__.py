"""Who does the runs of a sweep: one module each, named as the launcher is; the folder is the registry.

A module has ``execute(work, settings)``: it does the pieces of ``work`` (`experiments.work.Work`) in any order and
yields `experiments.work.Done` for what is recorded, as it comes.
"""
