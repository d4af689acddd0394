"""Where the data are: in a folder, several folders, a zip, half a zip, nowhere; and files that cannot be used."""

import gzip
import os
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import pytest

from olist_assets.contracts.source_files import SOURCES
from olist_assets.errors import OlistError
from olist_assets.settings import SAMPLE_DATA, Settings
from olist_assets.source import archives
from olist_assets.source.csv_file import remove_copies, source_file
from olist_assets.source.files import source_bytes, source_folder

ORDERS = SOURCES["orders"]
NAMES = [source.name for source in SOURCES.values()]
Files = Mapping[str, bytes]


@pytest.fixture
def content(sample: Path) -> Files:
    return {name: (sample / name).read_bytes() for name in NAMES}


@pytest.fixture
def data(tmp_path: Path) -> Settings:
    """Settings over a data folder or zip that a test makes."""
    return Settings(data=tmp_path / "data", cache=tmp_path / "cache")


def zipped(files: Files) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def in_folder(path: Path, files: Files) -> None:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(text)


def in_folders(files: Files, folder: Callable[[str], str]) -> Files:
    return {folder(name) + name: text for name, text in files.items()}


FORMS: dict[str, Callable[[Path, Files], object]] = {
    "zip": lambda path, files: path.write_bytes(zipped(files)),
    "zip with a folder": lambda path, files: path.write_bytes(zipped(in_folders(files, lambda _: "archive/"))),
    "zip with folders": lambda path, files: path.write_bytes(
        zipped(in_folders(files, lambda name: "orders/" if "order" in name else "dimensions/x/"))
    ),
    "zip with the files of macOS": lambda path, files: path.write_bytes(
        zipped({**files, **{f"__MACOSX/._{name}": b"?" for name in files}})
    ),
    "zip in a zip": lambda path, files: path.write_bytes(zipped({"archive.zip": zipped(files)})),
    "zip of zips": lambda path, files: path.write_bytes(
        zipped({f"{name}.zip": zipped({name: text}) for name, text in files.items()})
    ),
    "zip of gzip files": lambda path, files: path.write_bytes(
        zipped({f"{name}.gz": gzip.compress(text) for name, text in files.items()})
    ),
    "gzip files": lambda path, files: in_folder(path, {f"{n}.gz": gzip.compress(text) for n, text in files.items()}),
    "zip files": lambda path, files: in_folder(path, {f"{n}.zip": zipped({n: text}) for n, text in files.items()}),
    "zip of old Windows": lambda path, files: path.write_bytes(zipped(in_folders(files, lambda _: "archive\\"))),
    "zip with hidden copies": lambda path, files: path.write_bytes(
        zipped({**files, **{f".ipynb_checkpoints/{name}": b"?" for name in files}})
    ),
    "parent folder": lambda path, files: in_folder(path, in_folders(files, lambda _: "archive/")),
    "several folders": lambda path, files: in_folder(path, in_folders(files, lambda name: f"{name[:8]}/")),
    "upper case": lambda path, files: in_folder(path, {name.upper(): text for name, text in files.items()}),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_files_are_found_in_every_usual_form(data, content, form):
    FORMS[form](data.data, content)
    folder = source_folder(data)
    assert {name: (folder / name).read_bytes() for name in NAMES} == content
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)
    before = folder.stat().st_mtime_ns
    assert source_folder(data) == folder
    assert folder.stat().st_mtime_ns == before
    assert source_bytes(data) == sum(map(len, content.values()))


def test_a_folder_with_the_nine_files_is_read_where_it_is(data, content):
    in_folder(data.data, {**content, "more.csv": b"x", ".hidden/" + ORDERS.name: b"x"})
    assert source_folder(data) == data.data
    assert not data.cache.exists()


def test_a_file_that_changes_in_a_folder_below_is_read_again(data, content):
    FORMS["parent folder"](data.data, content)
    first = source_folder(data)
    (data.data / "archive" / ORDERS.name).write_bytes(b"new")
    assert (source_folder(data) / ORDERS.name).read_bytes() == b"new"
    assert not first.exists()


@pytest.mark.parametrize(
    "files",
    [
        lambda content: {f"{folder}/{name}": text for folder in ("raw", "cleaned") for name, text in content.items()},
        lambda content: {**content, f"{ORDERS.name}.gz": gzip.compress(content[ORDERS.name])},
        lambda content: {**content, f"old/{ORDERS.name}": content[ORDERS.name]},
    ],
    ids=["two folders", "packed beside itself", "a folder below"],
)
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_two_copies_of_a_file_are_refused_and_both_named(data, content, files, form):
    if form == "folder":
        in_folder(data.data, files(content))
    else:
        data.data.write_bytes(zipped(files(content)))
    with pytest.raises(OlistError, match=r"\.csv is there more than once: .*data.*\.csv.* and .*data.*\.csv") as caught:
        source_folder(data)
    assert "Keep the right one only" in str(caught.value)
    assert leftovers(data) == []


def leftovers(data: Settings) -> list[Path]:
    return [path for path in data.cache.rglob("*") if path.is_file() and path.name != "lock"]


def patched(archive: bytes, local: int, central: int, value: bytes) -> bytes:
    """A zip whose headers all have this value at these offsets."""
    changed = bytearray(archive)
    for magic, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        at = 0
        while (at := changed.find(magic, at)) >= 0:
            changed[at + offset : at + offset + len(value)] = value
            at += 4
    return bytes(changed)


def packed_by(method: int) -> Callable[[bytes], bytes]:
    """A zip of one file, packed by a method, with changed bytes in its stream."""

    def changed(_: bytes) -> bytes:
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w", method) as archive:
            archive.writestr(ORDERS.name, b"order_id\n" * 10_000)
        content = bytearray(packed.getvalue())
        content[70:90] = bytes(byte ^ 0xFF for byte in content[70:90])
        return bytes(content)

    return changed


def damaged(archive: bytes) -> bytes:
    """A zip with a changed byte in the stream of its first file."""
    changed = bytearray(archive)
    changed[500] ^= 0xFF
    return bytes(changed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda archive: archive[: len(archive) // 2], r"data is not a whole archive .*: get it again"),
        (lambda _: b"text", "data is not a whole archive .File is not a zip file"),
        (damaged, r"data: .*\.csv is not a whole archive .*: get it again"),
        (lambda archive: patched(archive, 6, 8, b"\x01"), r"\.csv is protected by a password. Unpack it"),
        (lambda archive: patched(archive, 8, 10, b"\x63\x00"), r"\.csv cannot be unpacked .*compression"),
        (packed_by(zipfile.ZIP_LZMA), r"data: .*\.csv is not a whole archive .*: get it again"),
        (packed_by(zipfile.ZIP_BZIP2), r"data: .*\.csv is not a whole archive .*: get it again"),
        (lambda archive: zipped({"inner.zip": damaged(archive)}), r"data: inner\.zip: .*\.csv is not a whole archive"),
        (lambda _: zipped({"readme.txt": b"x"}), "data has none of the nine CSV files"),
    ],
    ids=["half", "text", "damaged", "password", "method", "lzma", "bzip2", "damaged within", "other files"],
)
def test_a_zip_that_cannot_be_unpacked_is_refused_and_leaves_nothing(data, content, change, message):
    whole = zipped(content)
    data.data.write_bytes(change(whole))
    with pytest.raises(OlistError, match=message):
        source_folder(data)
    assert leftovers(data) == []
    data.data.write_bytes(whole)
    assert (source_folder(data) / ORDERS.name).is_file()


def test_a_damaged_gzip_file_is_refused(data, content):
    packed = gzip.compress(content[ORDERS.name])
    in_folder(data.data, {f"{ORDERS.name}.gz": packed[: len(packed) // 2]})
    with pytest.raises(OlistError, match=r"orders_dataset\.csv\.gz is not a whole archive"):
        source_folder(data)


@pytest.mark.parametrize("form", ["zip", "zip in a zip", "gzip files", "zip of gzip files"])
def test_a_bomb_is_refused(data, monkeypatch, form):
    monkeypatch.setattr(archives, "UNSUSPICIOUS_BYTES", 1 << 20)
    FORMS[form](data.data, {ORDERS.name: b"0" * (8 << 20)})
    with pytest.raises(OlistError, match=r"orders_dataset\.csv.* unpacks to more than 1 MB, from \d+ kB"):
        source_folder(data)
    assert leftovers(data) == []


def test_only_the_nine_files_are_unpacked_and_none_beside_the_folder(data, content):
    data.data.write_bytes(zipped({f"../../{ORDERS.name}": b"x", "../../evil": b"x", "/etc/evil": b"x"}))
    folder = source_folder(data)
    assert [path.name for path in folder.iterdir()] == [ORDERS.name]
    assert not list(data.cache.parent.rglob("evil"))


@pytest.mark.parametrize("name", [ORDERS.name, f"{ORDERS.name}.gz"])
def test_a_pipe_in_the_place_of_a_file_is_refused(data, name):
    data.data.mkdir()
    os.mkfifo(data.data / name)
    with pytest.raises(OlistError, match="is no ordinary file"):
        source_folder(data)


def test_a_device_in_the_place_of_the_data_is_refused(data):
    with pytest.raises(OlistError, match="/dev/zero is no ordinary file"):
        source_folder(data.model_copy(update={"data": Path("/dev/zero")}))


def test_one_of_the_files_is_not_the_data(data, content):
    in_folder(data.data, content)
    with pytest.raises(OlistError, match=f"is one of the nine CSV files. Set OLIST_DATA to their folder, {data.data}"):
        source_folder(data.model_copy(update={"data": data.data / ORDERS.name}))


def test_a_cache_that_cannot_be_written_names_its_setting(data, content):
    data.data.write_bytes(zipped(content))
    data.cache.write_text("a file where the folder should be")
    with pytest.raises(OlistError, match=r"Cannot unpack .*data.* Set OLIST_CACHE"):
        source_folder(data)


def test_missing_data_are_an_error_with_the_path_and_the_remedy(tmp_path, monkeypatch):
    with pytest.raises(OlistError, match=r"no data at .*nowhere: set OLIST_DATA"):
        source_folder(Settings(data=tmp_path / "nowhere"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OlistError, match=f"olist sample-data {SAMPLE_DATA}"):
        source_folder(Settings())


def test_a_missing_file_is_an_error_that_names_it(data, content):
    in_folder(data.data, {name: text for name, text in content.items() if name != ORDERS.name})
    with pytest.raises(OlistError, match=f"{ORDERS.name} in .*data is missing. The data folder or zip must hold"):
        source_file(data, ORDERS)


def test_copies_in_the_cache_are_removed_and_made_again(data, content):
    files = {name: text.replace(b"\n", b"\r", 1) for name, text in content.items()}
    data.data.write_bytes(zipped(files))
    read = source_file(data, ORDERS)
    other = data.cache / "sources" / "of another archive"
    other.mkdir()
    assert {path.parent.parent.parent.name for path in data.cache.rglob("*.csv")} >= {"sources"}
    assert read.path.is_relative_to(data.cache / "plain")
    remove_copies(data)
    assert [path for path in data.cache.rglob("*") if path.is_file() and path.name != "lock"] == []
    assert other.is_dir()
    assert data.data.exists()
    again = source_file(data, ORDERS)
    assert (again.header, again.records) == (read.header, read.records)
    assert again.path.exists()
