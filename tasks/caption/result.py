"""What the task says about one picture: a sentence."""

from __future__ import annotations

from dataclasses import dataclass

from unified.ops.canvas import Canvas
from unified.task import Json


@dataclass(frozen=True, slots=True)
class Caption:
    """A sentence in lower case."""

    text: str
    score: float  # in 0..1: the geometric mean of the probabilities of its tokens
    tokens: int  # the end among them

    def to_json(self) -> dict[str, Json]:
        """{"text": "a red star", "score": 0.81, "tokens": 4}"""
        return {"text": self.text, "score": self.score, "tokens": self.tokens}

    @classmethod
    def from_json(cls, data: Json) -> Caption:
        return cls(data["text"], data["score"], data["tokens"])

    def to_coco(self, image_id: int | str) -> list[dict[str, Json]]:
        """One entry of a COCO captions results file."""
        return [{"image_id": image_id, "caption": self.text}]

    def draw(self, canvas: Canvas) -> None:
        """A line under the picture."""
        canvas.caption(self.text)
