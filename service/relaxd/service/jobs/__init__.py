"""Jobs: work in the background, on this machine or on a cluster."""

from relaxd.service.jobs._attempt import run_attempt
from relaxd.service.jobs._cluster import Cluster, ClusterFactory, dask_cluster
from relaxd.service.jobs._engine import JobEngine
from relaxd.service.jobs._heart import give_back
from relaxd.service.jobs._refining import refine_settings
from relaxd.service.jobs._runtime import Context, close_runtimes

__all__ = [
    "Cluster",
    "ClusterFactory",
    "Context",
    "JobEngine",
    "close_runtimes",
    "dask_cluster",
    "give_back",
    "refine_settings",
    "run_attempt",
]
