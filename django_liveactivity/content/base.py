"""The pydantic model that all content is built on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict

from django_liveactivity.content.errors import translated

if TYPE_CHECKING:
    from pydantic import BaseModel as _TranslatingModel
else:

    class _Translating(type(BaseModel)):
        # Only the outermost constructor comes by here (pydantic-core builds nested models itself),
        # so that its InvalidInputError carries whole paths.
        def __call__(cls, /, *args, **kwargs):
            with translated():
                return super().__call__(*args, **kwargs)

    class _TranslatingModel(BaseModel, metaclass=_Translating):
        pass


class Model(_TranslatingModel):
    """Frozen and strict; remembers which fields the caller set, and sends no others.

    Raises:
        InvalidInputError: from the constructor and ``model_validate``; names each field's path.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=()
    )

    @classmethod
    def model_validate(cls, obj: Any, **kwargs: Any) -> Self:
        """Return the model of a mapping; raises InvalidInputError."""
        with translated():
            return super().model_validate(obj, **kwargs)

    def wire(self) -> dict[str, Any]:
        """Return, ready for JSON, the fields that were set; None means not set, 0 and [] do not."""
        return self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
