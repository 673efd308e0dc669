"""The launcher for Ray: chunks of runs as tasks, on a cluster or on this machine."""

from hydra.core.config_store import ConfigStore

from hydra_plugins.adamlab_sweep.local_launcher import SweepLauncher


class RayLauncher(SweepLauncher):
    """Executes runs as tasks of Ray; needs ``pip install 'adamlab[ray]'``."""

    executor = "ray"


ConfigStore.instance().store(
    group="hydra/launcher",
    name="ray",
    node={
        "_target_": "hydra_plugins.adamlab_sweep.ray_launcher.RayLauncher",
        "address": None,  # address of the cluster's head; null: start Ray on this machine for the sweep
        "num_cpus": None,  # number of cores that Ray may use on this machine; null: all
        "cpus_per_task": 1,  # number of cores of a task; its chunk uses all of them
        "max_jobs": 64,  # largest number of tasks at once; there are at most four times as many chunks
        "chunk_seconds": 60,  # how long a chunk should take, in seconds
        "retries": 2,  # how often a lost chunk is sent again if none of its runs was recorded
    },
    provider="adamlab",
)
