"""Whether any file in a folder still contains one of some texts: each file is read, and Parquet is decoded too."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from olist_assets.errors import OlistError

PARQUET = b"PAR1"
CHUNK = 8 << 20
ROWS = 50_000


@dataclass(frozen=True)
class Proof:
    """Numbers of files, bytes and Parquet files read, and the files that contain one of the texts."""

    files: int
    bytes: int
    parquet: int
    hits: tuple[str, ...]

    def described(self, folder: Path) -> str:
        """One line, without any id."""
        hits = f"{len(self.hits)} hits" + (f": {', '.join(self.hits)}" if self.hits else "")
        return (
            f"{self.files:,} files, {self.bytes:,} bytes in {folder} read, {self.parquet:,} of them Parquet and "
            f"decoded: {hits}"
        )


def prove(con: duckdb.DuckDBPyConnection, folder: Path, texts: Sequence[str]) -> Proof:
    """Search the texts in all files of a folder. Raises OlistError for a Parquet file that cannot be decoded.

    Logs, JSON and SQLite are searched as bytes; archives within files are not opened.
    """
    files, size, parquet, hits = 0, 0, 0, []
    wanted = [text.encode() for text in texts]
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        length, found, first = _search(file, wanted)
        is_parquet = first.startswith(PARQUET)
        found = found or (is_parquet and _decoded_contains(con, file, texts))
        files, size, parquet = files + 1, size + length, parquet + is_parquet
        hits += [str(file.relative_to(folder))] if found else []
    return Proof(files, size, parquet, tuple(hits))


def _search(file: Path, wanted: Sequence[bytes]) -> tuple[int, bool, bytes]:
    """A file's length, whether it contains one of the texts as bytes, and its first bytes."""
    length, found, first, carried = 0, False, b"", b""
    overlap = max(map(len, wanted)) - 1
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            first, length = first or chunk[: len(PARQUET)], length + len(chunk)
            found = found or any(text in carried + chunk for text in wanted)
            # A text may extend over two chunks.
            carried = (carried + chunk)[-overlap:]
    return length, found, first


def _decoded_contains(con: duckdb.DuckDBPyConnection, file: Path, texts: Sequence[str]) -> bool:
    contains = " OR ".join("contains(line, $%d)" % at for at in range(1, len(texts) + 1))  # noqa: UP031
    try:
        for batch in _batches(file):
            con.register("batch", batch)
            query = f"SELECT count(*) FROM (SELECT batch::VARCHAR AS line FROM batch) WHERE {contains}"
            ((count,),) = con.execute(query, list(texts)).fetchall()
            if count:
                return True
    except (pa.ArrowException, duckdb.Error, OSError) as error:
        raise OlistError(
            f"{file} cannot be decoded, so nothing is proven: {error}. Remove it and run again."
        ) from error
    return False


def _batches(file: Path) -> Iterator[pa.Table]:
    with file.open("rb") as opened:
        for batch in pq.ParquetFile(opened).iter_batches(ROWS):
            yield pa.Table.from_batches([batch])
