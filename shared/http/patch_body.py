"""Bodies of PATCH: an absent field stays as it is, null clears a field that may be empty and is refused elsewhere."""

from typing import Any, ClassVar

from pydantic import ConfigDict, ValidationInfo, field_validator

from shared.request_body import RequestBody


def _remove_nulls_from_schema(schema: dict[str, Any], model: type["PatchBody"]) -> None:
    """In the OpenAPI document only the fields of `clearable` accept null."""
    for name, field in schema.get("properties", {}).items():
        if name in model.clearable or "anyOf" not in field:
            continue
        choices = [choice for choice in field.pop("anyOf") if choice != {"type": "null"}]
        field.pop("default", None)
        field.update(choices[0] if len(choices) == 1 else {"anyOf": choices})


class PatchBody(RequestBody):
    """Every field is declared `T | None = None`; `clearable` names those that null empties."""

    model_config = ConfigDict(json_schema_extra=_remove_nulls_from_schema)

    clearable: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_null(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name not in cls.clearable:
            raise ValueError("不能为空; 不修改的字段请不要带上")
        return value
