"""The launcher for SLURM clusters: chunks of runs as arrays of jobs."""

from hydra.core.config_store import ConfigStore

from hydra_plugins.adamlab_sweep.local_launcher import SweepLauncher


class SlurmLauncher(SweepLauncher):
    """Executes runs as jobs of a SLURM cluster, from a machine that can submit jobs; needs ``adamlab[slurm]``."""

    executor = "slurm"


ConfigStore.instance().store(
    group="hydra/launcher",
    name="slurm",
    node={
        "_target_": "hydra_plugins.adamlab_sweep.slurm_launcher.SlurmLauncher",
        "partition": None,  # null: the cluster's default, as for account and mem_gb
        "account": None,
        "timeout_min": 60,  # time limit of a job, in minutes
        "cpus_per_task": 1,  # number of cores of a job, which uses all of them
        "mem_gb": None,
        "max_jobs": 64,  # largest number of jobs at once
        "chunk_seconds": 60,  # how long a job should take, in seconds
        "retries": 2,  # how often a lost chunk is sent again if none of its runs was recorded
        "setup": [],  # lines `module ...` or `export NAME=value` that run before a job
        "additional_parameters": {},  # further long options of sbatch, such as {qos: short}
    },
    provider="adamlab",
)
