"""Results in the file formats of chemistry."""

from relaxd.service.formats._formats import MEDIA_TYPES, Format, write_results
from relaxd.service.formats._qcschema import received_version

__all__ = ["MEDIA_TYPES", "Format", "received_version", "write_results"]
