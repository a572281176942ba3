"""Results in the file formats of chemistry."""

from relaxd.service.formats._extxyz import write_extxyz
from relaxd.service.formats._formats import Format, write_results
from relaxd.service.formats._qcschema import received_version

__all__ = ["Format", "received_version", "write_extxyz", "write_results"]
