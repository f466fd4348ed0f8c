"""Bundle files, printed by a template or written as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from mqctl.model.bundle import Component, FileSpec
from mqctl.render import engine

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def printed(
    path: str, component: Component, template: str, context: DataclassInstance, **attributes: Any
) -> FileSpec:
    """A file that a template prints; `attributes` are FileSpec's own."""
    return written(path, component, engine.text(template, context), **attributes)


def written(path: str, component: Component, content: str, **attributes: Any) -> FileSpec:
    """A file with this content."""
    return FileSpec.model_validate(
        {"path": path, "component": component, "content": SecretStr(content), **attributes}
    )


def absent(path: str, component: Component, **attributes: Any) -> FileSpec:
    """A file that must not be there."""
    return written(path, component, "", kind="absent", **attributes)
