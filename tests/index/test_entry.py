from __future__ import annotations

import json

from unified.index.entry import Entry, Hit


def test_a_hit_is_plain_json() -> None:
    hit = Hit(3, 0.5, Entry("a.jpg", (1.0, 2.0, 3.0, 4.0), "dog", 7, 0.9, "a dog"))
    assert json.loads(json.dumps(hit.to_json())) == {
        "id": 3,
        "score": 0.5,
        "entry": {
            "image": "a.jpg",
            "box": [1.0, 2.0, 3.0, 4.0],
            "category": "dog",
            "identity": 7,
            "score": 0.9,
            "caption": "a dog",
        },
    }
