"""The launcher for SLURM clusters: chunks of runs as arrays of jobs."""

from hydra.core.config_store import ConfigStore

from hydra_plugins.adamlab_sweep.local_launcher import SweepLauncher


class SlurmLauncher(SweepLauncher):
    """On a SLURM cluster, from a machine that can submit jobs; ``pip install 'adamlab[slurm]'``."""

    executor = "slurm"


ConfigStore.instance().store(
    group="hydra/launcher",
    name="slurm",
    node={
        "_target_": "hydra_plugins.adamlab_sweep.slurm_launcher.SlurmLauncher",
        "partition": None,  # null is the cluster's default, as with account and mem_gb
        "account": None,
        "timeout_min": 60,  # a job's time limit
        "cpus_per_task": 1,  # a job uses them all
        "mem_gb": None,
        "max_jobs": 64,  # at once
        "chunk_seconds": 60,  # how long a job should take
        "retries": 2,  # how often what is lost is sent again, if none of its runs was recorded
        "setup": [],  # lines `module ...` or `export NAME=value` before a job
        "additional_parameters": {},  # long options of sbatch, such as {qos: short}
    },
    provider="adamlab",
)
