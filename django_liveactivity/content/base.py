"""The pydantic model that all content is built on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from .encoding import BODY_LIMIT
from .errors import translated
from .normalizing import normalized

if TYPE_CHECKING:
    from pydantic import BaseModel as _TranslatingModel
else:

    class _Translating(type(BaseModel)):
        # Only the outermost constructor comes by here (pydantic-core builds nested models itself),
        # so that its InvalidInputError carries whole paths.
        def __call__(cls, /, *args, **kwargs):
            with translated(cls):
                return super().__call__(*args, **cls.normalized(kwargs))

    class _TranslatingModel(BaseModel, metaclass=_Translating):
        pass


class Model(_TranslatingModel):
    """Frozen and strict; remembers which fields the caller set, and sends no others.

    The values that Django hands out are taken as ``normalized`` gives them.

    Raises:
        InvalidInputError: from the constructor and ``model_validate``; names each field's path.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        revalidate_instances="always",  # model_copy(update=…) and model_construct check nothing
    )
    size_limit: ClassVar[tuple[int, str]] = (BODY_LIMIT, "body")

    @classmethod
    def normalized(cls, fields: Mapping[str, Any]) -> Any:
        """Return the fields with values that JSON has; raises InvalidInputError if too large."""
        limit, path = cls.size_limit
        return normalized(fields, limit=limit, path=path)

    @classmethod
    def model_validate(cls, obj: Any, **kwargs: Any) -> Self:
        """Return the model of a mapping; raises InvalidInputError."""
        with translated(cls):
            fields = cls.normalized(obj) if isinstance(obj, Mapping) else obj
            return super().model_validate(fields, **kwargs)

    def to_json(self) -> dict[str, Any]:
        """Return, ready for JSON, the fields that were set; None means not set, 0 and [] do not."""
        return self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
