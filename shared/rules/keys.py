"""Rule keys: each names a dated rule, the shape of its value, and the permission that may change it.

A key is declared once, in the `policy.py` of the service that reads it (or beside a detector), and listed in
`Service(rules=…)`. `await work.get_rule(KEY)` then answers a `Rule` whose `value` has the type of the shape.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from shared.auth import May
from shared.china import LabelledEnum
from shared.settings import StartupError

ValueT = TypeVar("ValueT")
ValueT_co = TypeVar("ValueT_co", covariant=True)

Days = Annotated[int, Field(ge=0, le=3650)]
Percent = Annotated[int, Field(ge=0, le=100)]
PercentText = Annotated[str, Field(pattern=r"^(100|[0-9]{1,2}(\.[0-9]{1,2})?)$")]
YuanText = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$")]
"""An amount in 元 with at most two decimals."""
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{0,40}$")]
Label = Annotated[str, Field(min_length=1, max_length=100)]
Labels = Annotated[dict[Code, Label], Field(max_length=200)]
"""Code → its label."""


class RuleValue(BaseModel):
    """Base of the shapes of rule values: unknown fields are refused, and a loaded value never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Rule(Generic[ValueT_co]):
    """A rule in force; `ref` ("key@3") is what a decision stores."""

    key: str
    version: int
    value: ValueT_co
    basis: str
    confirmed: bool
    title: str

    @property
    def ref(self) -> str:
        """Key and version, as decisions keep it."""
        return f"{self.key}@{self.version}"


@dataclass(frozen=True, eq=False)
class RuleKey(Generic[ValueT]):
    """A rule that this system reads. `shape` is the type of its value: a `RuleValue`, or an annotated scalar or list.

    A rule with `needs_second_person` is never changed by one person: one proposes, another confirms.
    """

    key: str
    shape: Any
    permission: May | None = None
    """Who may change it; None: whoever may change the rules of the service."""
    needs_second_person: bool = False
    folder: Path | None = None
    """Folder of the rule's file; None means the `rules` folder of the service."""
    trial_path: ClassVar[str] = ""
    """Address under the service that tells what another value would change; empty: nothing does."""
    _adapter: TypeAdapter[Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Build the validator once; a frozen dataclass is filled through `object`."""
        object.__setattr__(self, "_adapter", TypeAdapter(self.shape))

    def parse_value(self, value: Any) -> ValueT:  # noqa: ANN401 - any JSON
        """Convert JSON to the typed value. Raises pydantic's ValidationError; "5" or true is no number here."""
        parsed: ValueT = self._adapter.validate_json(json.dumps(value), strict=True)
        return parsed

    def write_value(self, value: Any) -> str:  # noqa: ANN401 - any JSON
        """A value in words, as a person confirms it: the titles of its fields and what they hold."""
        return _write_part(self._adapter.validate_json(json.dumps(value)))

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema 2020-12 of the value, with Chinese titles and bounds, for a form."""
        return self._adapter.json_schema(schema_generator=_LabelledSchema)


class _LabelledSchema(GenerateJsonSchema):
    """A code stands with its label, as in the forms of record kinds."""

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        found = super().enum_schema(schema)
        if issubclass(schema["cls"], LabelledEnum):
            found["oneOf"] = [{"const": one.value, "title": one.label} for one in schema["cls"]]
        return found


def _write_part(value: Any) -> str:  # noqa: ANN401 - any typed value
    if isinstance(value, RuleValue):
        titles = type(value).model_fields
        return "; ".join(f"{titles[name].title} {_write_part(one)}" for name, one in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{_write_part(name)} {_write_part(one)}" for name, one in value.items())
    if isinstance(value, (tuple, list, set, frozenset)):
        parts = [_write_part(one) for one in value]
        return "、".join(parts if isinstance(value, (tuple, list)) else sorted(parts)) or "无"
    if isinstance(value, bool):
        return "是" if value else "否"
    return value.label if isinstance(value, LabelledEnum) else str(value)


class RuleRegistry:
    """Every rule key of a service, by name. StartupError when two declarations have the same name."""

    def __init__(self, keys: Iterable[RuleKey[Any]] = (), permission: May | None = None) -> None:
        self._permission = permission
        self._by_key: dict[str, RuleKey[Any]] = {}
        for one in keys:
            if self._by_key.setdefault(one.key, one) is not one:
                raise StartupError(f"规则 {one.key} 登记了两次, 请只保留一处")

    def __iter__(self) -> Iterator[RuleKey[Any]]:
        return iter(self._by_key.values())

    def find_key(self, key: str) -> RuleKey[Any] | None:
        """The declaration with that name, or None."""
        return self._by_key.get(key)

    def get_permission(self, key: RuleKey[Any]) -> May:
        """The permission to change the rule: its own, or that of the service's rules. StartupError without either."""
        permission = key.permission or self._permission
        if permission is None:
            raise StartupError(f"规则 {key.key} 没有维护权限, 请在 Service(rule_permission=…) 写明")
        return permission

    def require_declared(self, key: RuleKey[Any]) -> None:
        """LookupError when code reads a rule that its service does not list in `Service(rules=…)`."""
        if self._by_key.get(key.key) is not key:
            message = f"rule {key.key} is not listed in Service(rules=…)"
            raise LookupError(message)

    def list_folders(self, service_folder: Path) -> list[Path]:
        """The folders that hold the files of these rules."""
        return list(dict.fromkeys([service_folder, *(one.folder for one in self if one.folder is not None)]))
