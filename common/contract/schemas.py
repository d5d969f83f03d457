"""JSON Schemas of the bodies and answers, as components to refer to, made of the types that read and write them."""

from collections.abc import Iterable
from typing import Any

import msgspec
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

Schemas = dict[str, Any]
REFERENCE = "#/components/schemas/"


class _Untitled(GenerateJsonSchema):
    """A field's name needs no title that says it again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def reference(name: str) -> dict[str, str]:
    return {"$ref": REFERENCE + name}


def schemas_of_models(models: Iterable[type[BaseModel]]) -> Schemas:
    """Of pydantic models, by their names, as they are read."""
    _, made = models_json_schema(
        [(model, "validation") for model in models],
        ref_template=REFERENCE + "{model}",
        schema_generator=_Untitled,
    )
    return made["$defs"]


def schemas_of_answers(types: Iterable[Any]) -> tuple[list[dict[str, Any]], Schemas]:
    """Of typed dicts and msgspec's structs, as they are written: a reference to each, and what they refer to."""
    references, made = msgspec.json.schema_components(types, ref_template=REFERENCE + "{name}")
    return list(references), made
