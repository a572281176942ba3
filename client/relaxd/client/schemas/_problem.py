"""RFC 9457 problem documents."""

from pydantic import BaseModel, ConfigDict, Field


class FieldFault(BaseModel):
    """One field that failed validation."""

    path: str = Field(
        description="Where the fault is, as a JSON Pointer (RFC 6901).", examples=["/positions/0/2"]
    )
    message: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """An RFC 9457 problem document with a stable `type`, sorted by what the caller can do.

    The type is `urn:relaxd:error:<category>:<code>`; the category is one of `input`, `limit`,
    `resource`, `convergence`, `internal`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:relaxd:error:input:unparsable-smiles",
                    "title": "Unparsable SMILES",
                    "status": 422,
                    "detail": "'CC(' is not a valid SMILES.",
                }
            ]
        }
    )

    type: str = Field(default="about:blank", description="Stable identifier of the kind of error.")
    title: str = Field(description="What this kind of error is, in a few words.")
    status: int = Field(
        description="HTTP status; within a batch, the one that this molecule alone would give."
    )
    detail: str | None = Field(default=None, description="What went wrong this time.")
    instance: str | None = Field(
        default=None, description="Which occurrence this is: a URN of the request id."
    )
    errors: list[FieldFault] | None = Field(
        default=None, description="Each field at fault, where validation failed."
    )
