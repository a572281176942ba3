"""Records of SDF that tell all that is known of a result."""

from collections.abc import Mapping

from relaxd.client.schemas import JobResult

RECORD_END = "$$$$\n"
"""The line that ends a record."""


def untitled(record: str, id: str | None) -> str:
    """Return a record from its second line on.

    Args:
        record: as made by `relaxd.relax.Molecule.to_sdf`.
        id: its title, which may be of several lines: nothing is refused as an id.
    """
    return record.removeprefix(id or "").partition("\n")[2]


def full_record(result: JobResult, record: str, items: Mapping[str, object]) -> str:
    """Return a result's record with a title of one line and with more data items.

    Args:
        result: whose id, or else index, is the title.
        record: the result's SDF.
        items: by name; those that the record has already stay as they are.
    """
    body = untitled(record, result.id).removesuffix(RECORD_END)
    title = " ".join((result.id or "").splitlines()).strip() or str(result.index)
    added = (
        f">  <{name}>  \n{value}\n\n" for name, value in items.items() if f"<{name}>" not in body
    )
    return "".join([title, "\n", body, *added, RECORD_END])
