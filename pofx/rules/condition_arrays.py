"""What array a graph gets for a condition."""

from typing import assert_never

from pofx import bundle


def array_of(condition: bundle.Condition, makes: bundle.InputSpec) -> tuple[str, tuple[int | str, ...]]:
    """Dtype and shape of the array that a graph gets for a condition."""
    match condition:
        case bundle.LabelCondition() | bundle.TargetCondition():
            return "int64", ("batch",)
        case bundle.AttributesCondition():
            return "float32", ("batch", len(condition.attributes))
        case bundle.CodeCondition():
            return "float32", ("batch", sum(part.size for part in condition.parts))
        case bundle.KnownCondition():
            return bundle.DATA_DTYPES[makes.kind], ("batch", *makes.shape)
        case bundle.SourceCondition():
            return bundle.DATA_DTYPES[condition.item.kind], ("batch", *condition.item.shape)
        case bundle.CaptionCondition():
            return "uint8", ("batch", condition.text.length)
        case _:
            assert_never(condition)
