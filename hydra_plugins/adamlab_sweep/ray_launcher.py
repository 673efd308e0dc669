"""The launcher for Ray: chunks of runs as tasks, on a cluster or on this machine."""

from hydra.core.config_store import ConfigStore

from hydra_plugins.adamlab_sweep.local_launcher import SweepLauncher


class RayLauncher(SweepLauncher):
    """On a Ray cluster; ``pip install 'adamlab[ray]'``."""

    executor = "ray"


ConfigStore.instance().store(
    group="hydra/launcher",
    name="ray",
    node={
        "_target_": "hydra_plugins.adamlab_sweep.ray_launcher.RayLauncher",
        "address": None,  # of a cluster's head; null starts Ray on this machine for the sweep
        "num_cpus": None,  # cores that Ray may use on this machine; null is all of them
        "cpus_per_task": 1,  # a chunk uses them all
        "max_jobs": 64,  # that may run at once; there are at most four chunks for each
        "chunk_seconds": 60,  # how long a chunk should take
        "retries": 2,  # how often what is lost is sent again, if none of its runs was recorded
    },
    provider="adamlab",
)
