"""The way to Milvus, and the only file that imports pymilvus: addresses, connections, errors, schema.

    ./faces.db                   Milvus Lite: embedded, exact; of the process that opens it until that ends
    http://host:19530            Milvus Standalone or Distributed; https:// too
    http://host:19530/db#faces   … another database, and another collection than `unified`

A server that asks who is there is told the token in the environment variable MILVUS_TOKEN ("user:password").
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from unified.errors import ConfigError, MissingExtraError, RetrievalError

COLLECTION = "unified"  # where the address names none
CONNECTING, ANSWERING = 10.0, 60.0  # seconds after which a server counts as lost
NEVER = 2**31 - 1  # milliseconds, as gRPC says it
LONGEST_TEXT = 65_535  # bytes, Milvus' limit of a VARCHAR

Client = Any  # pymilvus.MilvusClient


@dataclass(frozen=True, slots=True)
class Address:
    """Where a collection is. `uri` is a server's, or the path of a Milvus Lite database."""

    uri: str
    collection: str = COLLECTION

    @classmethod
    def parse(cls, text: str) -> Address:
        """ConfigError for what is neither a server's address nor a path that ends in .db."""
        uri, _, collection = text.partition("#")
        if not uri.startswith(("http://", "https://")) and not uri.endswith(".db"):
            raise ConfigError(
                f"milvus:{text} is no address of Milvus: give milvus:./NAME.db for the embedded Milvus Lite, "
                "or milvus:http://HOST:19530, with #COLLECTION behind it where there are several"
            )
        return cls(uri, collection or COLLECTION)

    @property
    def lite(self) -> bool:
        return not self.uri.startswith("http")

    def __str__(self) -> str:
        return f"milvus:{self.uri}" + (f"#{self.collection}" if self.collection != COLLECTION else "")


def connect(address: Address) -> Client:
    """A client that has reached its server.

    Raises:
        MissingExtraError: pymilvus, or for a path milvus-lite, is not installed.
        RetrievalError: no answer, or a Lite database that is in use.
    """
    pymilvus = _import("pymilvus")
    if address.lite:
        _import("milvus_lite")
        parent = Path(address.uri).parent
        if not parent.is_dir():
            raise RetrievalError(f"{address}: there is no folder {parent}; make it first")
    # Its errors are raised anyway, and told in one line; the library would print each with two tracebacks.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    # An embedded server needs no sign of life, and after some of them it complains on standard error.
    options = {"grpc.keepalive_time_ms": NEVER} if address.lite else {}
    token = os.environ.get("MILVUS_TOKEN", "")
    try:
        return pymilvus.MilvusClient(address.uri, token=token, timeout=CONNECTING, grpc_options=options)
    except pymilvus.MilvusException as error:
        cure = (
            "another process may have it open, and Milvus Lite serves one at a time; use a server for more"
            if address.lite
            else "check the address, that the server runs, and MILVUS_TOKEN if it asks for one"
        )
        raise RetrievalError(f"{address}: cannot be opened: {_line(error)}; {cure}") from error


@contextmanager
def connected(address: Address) -> Iterator[Client]:
    """A client as of `connect`, closed again where the block fails."""
    client = connect(address)
    try:
        yield client
    except BaseException:
        client.close()
        raise


@contextmanager
def told(address: Address) -> Iterator[None]:
    """What Milvus refuses or does not answer becomes one line."""
    pymilvus = _import("pymilvus")
    try:
        yield
    except pymilvus.MilvusException as error:
        raise RetrievalError(f"{address}: {_line(error)}") from error


def create_collection(client: Client, address: Address, dimension: int, properties: dict[str, str]) -> None:
    """An empty collection, an entry a row. Reads see every write that was acknowledged before ("Strong")."""
    types = _import("pymilvus").DataType
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", types.INT64, is_primary=True)
    schema.add_field("vector", types.FLOAT_VECTOR, dim=dimension)
    schema.add_field("image", types.VARCHAR, max_length=LONGEST_TEXT)
    for name in ("x", "y", "w", "h", "score"):
        schema.add_field(name, types.DOUBLE, nullable=True)
    schema.add_field("identity", types.INT64, nullable=True)
    for name in ("category", "caption"):
        schema.add_field(name, types.VARCHAR, max_length=LONGEST_TEXT, nullable=True)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT" if address.lite else "AUTOINDEX", metric_type="IP")
    client.create_collection(
        address.collection,
        schema=schema,
        index_params=index,
        consistency_level="Strong",
        properties=properties,
        timeout=ANSWERING,
    )


def _import(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise RetrievalError(f"{module} is installed, but cannot be imported: {error}") from error
        raise MissingExtraError(module.replace("_", "-"), "milvus") from error
    except ImportError as error:  # a pyarrow that was built for another numpy, say
        raise RetrievalError(f"{module} is installed, but cannot be imported: {error}") from error


def _line(error: Any) -> str:
    return " ".join(str(error.message).split())[:300]
