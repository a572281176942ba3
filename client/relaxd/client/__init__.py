"""The SDK: typed access to a relaxd server, and the schemas of what goes over the wire."""

from relaxd.client import schemas
from relaxd.client._async_client import AsyncClient
from relaxd.client._async_job import AsyncJob
from relaxd.client._client import Client
from relaxd.client._convert import write_sdf
from relaxd.client._errors import (
    ConvergenceError,
    InputError,
    InternalError,
    LimitError,
    RelaxdError,
    ResourceError,
    TransportError,
)
from relaxd.client._inputs import MoleculeLike
from relaxd.client._job import Job
from relaxd.client._retry import RetryPolicy
from relaxd.client.schemas import Molecule, Result

__all__ = [
    "AsyncClient",
    "AsyncJob",
    "Client",
    "ConvergenceError",
    "InputError",
    "InternalError",
    "Job",
    "LimitError",
    "Molecule",
    "MoleculeLike",
    "RelaxdError",
    "ResourceError",
    "Result",
    "RetryPolicy",
    "TransportError",
    "schemas",
    "write_sdf",
]
