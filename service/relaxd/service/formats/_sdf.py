"""Records of SDF that tell all that is known of a result."""

from collections.abc import Mapping

from relaxd.client.schemas import JobResult

RECORD_END = "$$$$\n"
"""The line that ends a record."""


def full_record(result: JobResult, record: str, items: Mapping[str, object]) -> str:
    """Return a result's record with a title and with more data items.

    Args:
        result: whose index is the title where it has no id.
        record: the result's SDF.
        items: by name; those that the record has already stay as they are.
    """
    title, _, body = record.removesuffix(RECORD_END).partition("\n")
    added = (
        f">  <{name}>  \n{value}\n\n" for name, value in items.items() if f"<{name}>" not in body
    )
    return "".join([title or str(result.index), "\n", body, *added, RECORD_END])
