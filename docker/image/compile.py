"""Compiles what relaxd imports when it works: the file system of a container cannot keep it."""

import importlib
import importlib.util
import py_compile
import sys

from relaxd.relax import Relaxer

MODULES = (
    "alembic.autogenerate",
    "distributed.cli.dask_scheduler",
    "distributed.nanny",
    "psycopg.pq",
    "relaxd.service._app",
    "relaxd.service.cli",
    "relaxd.service.cli._working",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "uvicorn.lifespan.on",
    "uvicorn.loops.asyncio",
    "uvicorn.protocols.http.h11_impl",
)
"""Entry points; all that they import follows."""

OF_DFT = ("relaxd.dft_bridge._worker", "geometric", "pyscf.dft", "pyscf.grad", "pyscf.scf")
"""The same, where DFT is installed."""

for name in MODULES:
    importlib.import_module(name)
if importlib.util.find_spec("pyscf") is not None:
    for name in OF_DFT:
        importlib.import_module(name)
relaxer = Relaxer.load()
for smiles in ("CCO", "CS"):  # by the model, and by what is used outside of its domain
    relaxer.relax(smiles)

for module in list(sys.modules.values()):
    path = getattr(module, "__file__", None) or ""
    if path.startswith(sys.prefix) and path.endswith(".py"):
        # Whatever the time of the file, which a copy may change.
        py_compile.compile(path, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
