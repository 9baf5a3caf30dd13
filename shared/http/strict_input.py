"""What a request may hold besides the shape of its body: known query parameters and characters that are seen."""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import date, datetime
from types import NoneType
from typing import Annotated, Any, get_args, get_origin
from uuid import UUID

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, AwareDatetime, BaseModel

from shared.china.visible_text import find_invisible_character
from shared.errors import BadRequest, FieldError, Invalid
from shared.request_body import TEXT_FORMS, build_form_error, load_json

_MAYBE_INVISIBLE = re.compile(
    rb"\\u(?:00[01789]|00[aA][dD]|06[01dD]|070[fF]|08[9eE]|115|1160|180|200|202|206|2800|3164"
    rb"|[fF]{2}[aAfF]|[fF][eE][fF]{2}|[dD][89a-fA-F])"
    rb"|\x7f|\xc2[\x80-\x9f\xad]|\xd8[\x80-\x85\x9c]|\xdb\x9d|\xdc\x8f|\xe0\xa2|\xe1\x85|\xe1\xa0"
    rb"|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xe2\xa0\x80|\xe3\x85\xa4|\xef\xbb\xbf|\xef\xbe\xa0"
    rb"|\xef\xbf[\xb9-\xbf]|\xf0[\x91\x93\x9d]|\xf3\xa0|[\xf0-\xf4].\xbf[\xbe\xbf]",
    re.DOTALL,
)
"""Bytes that an invisible character in a JSON document begins with; most documents hold none of them."""


JUDGED_ONE_BY_ONE = "judged one by one"
"""Mark in Annotated of a field whose route judges its parts one by one."""
_OPEN_LISTS = (list[Any], list[dict[str, Any]])
_KINDS: dict[Any, str] = {
    AwareDatetime: "datetime",
    UUID: "uuid",
    bool: "bool",
    date: "date",
    datetime: "datetime",
    float: "float",
    int: "int",
}
ParameterForms = dict[tuple[str, str], set[Any]]
"""(`query` or `path`, name) → names of TEXT_FORMS, one of which its text must have."""


def _is_open_list(annotation: Any) -> bool:  # noqa: ANN401 - any type a field may have
    """Whether the items of a field are judged one by one by its route: untyped, or not validated with the body."""
    marks = (mark for one in get_args(annotation) for mark in getattr(one, "__metadata__", ()))
    return annotation in _OPEN_LISTS or any(type(mark).__name__ == "SkipValidation" for mark in marks)


class InvisibleCharacterFound(Invalid):
    """422: a text holds a control character or one that nobody sees."""

    slug = "invisible-character"
    title, title_en = "文字中含有看不见的字符", "An invisible character in a text"


def list_open_lists(annotation: Any) -> frozenset[str]:  # noqa: ANN401 - any type a body may have
    """Names of the fields of a body whose items are judged one by one: a bad item refuses only itself."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return frozenset()
    return frozenset(
        name
        for name, field in annotation.model_fields.items()
        if JUDGED_ONE_BY_ONE in field.metadata or _is_open_list(field.annotation)
    )


async def check_visible_text(request: Request, open_lists: frozenset[str]) -> None:
    """InvisibleCharacterFound, with a pointer to each text of the JSON body that holds such a character.

    Fields of `open_lists` are left to their route, which reads in `request.state.may_hold_invisible` whether to look.
    """
    if "json" not in request.headers.get("content-type", ""):
        return
    content = await request.body()
    if not _MAYBE_INVISIBLE.search(content):
        return
    try:
        body = load_json(content)
    except ValueError:
        return  # the route says what is wrong with it
    if open_lists:
        request.state.may_hold_invisible = True
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in open_lists}
    require_visible_text(body)


def require_visible_text(value: Any) -> None:  # noqa: ANN401 - any JSON
    """InvisibleCharacterFound, with a pointer to each text of a JSON value that holds such a character."""
    errors = list_invisible_texts(value)
    if errors:
        raise InvisibleCharacterFound(
            "文字里含有看不见的字符: " + "、".join(dict.fromkeys(one.pointer for one in errors)),
            "Remove the invisible characters",
            errors=errors,
        )


def list_invisible_texts(value: Any) -> list[FieldError]:  # noqa: ANN401 - any JSON
    """An error with a pointer for each text of a JSON value that holds an invisible character; halves of surrogates in it are `?`."""
    return [
        FieldError(
            "invisible_character",
            f"含有{found}, 请删去",
            f"holds {found}",
            pointer.encode(errors="replace").decode(),
        )
        for pointer, text in _list_texts(value, "")
        if (found := find_invisible_character(text))
    ]


def _list_texts(value: Any, pointer: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from _list_texts(one, f"{pointer}/{at}")
    elif isinstance(value, dict):
        for name, one in value.items():
            inner = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            yield inner, name
            yield from _list_texts(one, inner)


def list_query_parameters(dependant: Dependant, extra: Iterable[str] = ()) -> frozenset[str]:
    """Names of the query parameters a route takes; `extra` are those it reads without declaring them to FastAPI."""
    return frozenset(extra) | {name for place, name, _ in _list_parameters(dependant) if place == "query"}


def list_parameter_forms(dependant: Dependant) -> ParameterForms:
    """What the texts of a route's query and path parameters must look like; parameters that any text fits are left out."""
    return {
        (place, name): kinds
        for place, name, annotation in _list_parameters(dependant)
        if (kinds := _list_kinds(annotation)) and None not in kinds
    }


def _list_parameters(dependant: Dependant) -> Iterator[tuple[str, str, Any]]:
    """Place, name and type of each query and path parameter; a model of parameters counts as its fields."""
    for inner in dependant.dependencies:
        yield from _list_parameters(inner)
    for place, parameters in (("query", dependant.query_params), ("path", dependant.path_params)):
        for one in parameters:
            shape = one.field_info.annotation
            if isinstance(shape, type) and issubclass(shape, BaseModel):
                for name, field in shape.model_fields.items():
                    yield place, field.alias or name, Annotated[field.annotation, *field.metadata, ...]
            else:
                yield place, one.alias, Annotated[shape, *one.field_info.metadata, ...]


def _list_kinds(annotation: Any) -> set[str | None]:  # noqa: ANN401 - any type a parameter may have
    """Names of the forms of a type and its alternatives; None among them for a type without one of these, such as text."""
    if annotation is NoneType:
        return set()
    if not get_args(annotation):
        return {_KINDS.get(annotation)}
    inner = get_args(annotation)
    if get_origin(annotation) is Annotated:
        own = [mark for mark in inner[1:] if hasattr(mark, "__get_pydantic_core_schema__")]
        if not all(isinstance(mark, AfterValidator) for mark in own):
            return {None}  # it has a form of its own, as an amount of money has
        inner = inner[:1]
    return {kind for one in inner for kind in _list_kinds(one)}


def _list_misformed(request: Request, forms: ParameterForms) -> list[dict[str, Any]]:
    """Pydantic's error for each parameter whose text pydantic might convert, but that has not the form of its type."""
    values = [("path", *pair) for pair in request.scope["path_params"].items()]
    if request.scope["query_string"]:
        values += [("query", *pair) for pair in request.query_params.multi_items()]
    errors = []
    for place, name, value in values:
        kinds = forms.get((place, name), ())
        if kinds and not any(TEXT_FORMS[kind].fullmatch(str(value)) for kind in kinds):
            known = build_form_error(min(kinds))
            errors.append({"type": known.type, "msg": known.message(), "loc": (place, name)})
    return errors


async def check_forms(
    request: Request, forms: ParameterForms, is_admitted: Callable[[Request], Awaitable[bool]]
) -> None:
    """RequestValidationError, to who is admitted, for each parameter that has not the form of its type."""
    if (errors := _list_misformed(request, forms)) and await is_admitted(request):
        raise RequestValidationError(errors)


def check_query(request: Request, known: frozenset[str]) -> None:
    """BadRequest naming each unknown query parameter and each that holds an invisible character."""
    if not request.scope["query_string"]:
        return
    errors = []
    for name, value in request.query_params.multi_items():
        if name not in known:
            offer = f", 可用: {'、'.join(sorted(known))}" if known else ""
            detail = f"没有参数“{name[:40]}”{offer}"
            errors.append(
                FieldError("unknown_parameter", detail, f"no parameter {name[:40]}", f"/query/{name}")
            )
        elif found := find_invisible_character(value):
            errors.append(
                FieldError("invisible_character", f"含有{found}, 请删去", f"holds {found}", f"/query/{name}")
            )
    if errors:
        raise BadRequest(
            f"{errors[0].pointer}: {errors[0].detail}",
            f"{errors[0].pointer}: {errors[0].detail_en}",
            errors=errors,
        )
