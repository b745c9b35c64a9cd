"""INTERIM until the writers are there."""
from __future__ import annotations

import json


class COCO:
    @staticmethod
    def write(splits, out, put):
        (out / "annotations").mkdir()
        for split, a in splits.items():
            for i, name in enumerate(a.files): put(a.path(i), out/"images"/split/name)
            t, rows = a.taxonomy, a.rows
            images, objects, captions = [], [], []
            for i, image_id in enumerate(a.image_ids):
                w, h = a.size(i)
                images.append({"id": image_id, "file_name": a.files[i], "width": w, "height": h})
                for row in range(*a.offsets[i:i+2].tolist()):
                    x1, y1, x2, y2 = rows.boxes[row].tolist()
                    e = {"id": row+1, "image_id": image_id, "category_id": t.category_ids[int(rows.categories[row])], "bbox": [x1, y1, x2-x1, y2-y1], "area": float(rows.area[row]), "iscrowd": int(rows.crowd[row])}
                    if rows.identities[row] >= 0: e["identity"] = int(rows.identities[row])
                    objects.append(e)
                for c in a.captions_of(i) or (): captions.append({"image_id": image_id, "caption": c})
            cats = [{"id": n, "name": name} for n, name in zip(t.category_ids, t.categories)]
            (out/f"annotations/instances_{split}.json").write_text(json.dumps({"images": images, "categories": cats, "annotations": objects}))
            if a.captions is not None: (out/f"annotations/captions_{split}.json").write_text(json.dumps({"annotations": captions}))
        return []
