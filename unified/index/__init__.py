"""Indexes of embeddings: vectors with what they show, found again by similarity, in a folder or on a server.

In reading order:

    index.py, entry.py, origin.py            what users hold; what is kept beside a vector; of which model it is
    backend.py, folder.py, milvus.py,        what every index can do; in a folder; on a server
    milvus_server.py
    snapshot.py, segment.py, manifest.py,    a folder's committed state, its parts, what commits it, the next one
    draft.py, table.py, lock.py
    ann.py, policy.py, vectors.py            FAISS; which structure for how many; vectors on their way in
    embed.py, ask.py, text.py, sheet.py      pictures → vectors; queries; words; contact sheets
    measure.py                               what all this costs over FAISS alone
"""
