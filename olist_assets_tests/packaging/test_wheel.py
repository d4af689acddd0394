"""The wheel works in an empty folder: each command that a new user tries first.

The tests run twice: in the gate with the packages of the test environment, and with `make test-wheel` in an environment
into which pip installs the wheel with all its dependencies.
"""

import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import pytest

from olist_assets.contracts.catalog import Catalog
from olist_assets_tests.packaging.installation import (
    Installation,
    build_sdist,
    build_wheel,
    install,
    package_files,
    sdist_files,
)
from olist_assets_tests.servers import answers, free_port, server

pytestmark = pytest.mark.timeout(1800)  # of which pip may need most with all dependencies
# Half of the graph, and all that `olist sql -f kpis` reads: enough for the gate.
SELECTIONS = {"gate": ("--select", "gold_daily_metrics", "--upstream"), "complete": ()}


@dataclass(frozen=True)
class Built:
    """Both distributions."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The source distribution, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("built")
    sdist = build_sdist(folder)
    return Built(sdist, build_wheel(sdist, folder))


@pytest.fixture(scope="module", params=["gate", pytest.param("complete", marks=pytest.mark.wheel)])
def kind(request: pytest.FixtureRequest) -> str:
    """Whose dependencies the installation has: those of the gate, or all of its own."""
    return request.param


@pytest.fixture(scope="module")
def installation(built: Built, kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The wheel in a new environment, with a small sample in the working directory."""
    installed = install(built.wheel, tmp_path_factory.mktemp(kind), with_dependencies=kind == "complete")
    installed.run("sample-data", "data/sample", "--scale", "0.01")
    yield installed
    # With all dependencies it has more than a gigabyte, which pytest would keep for three runs.
    shutil.rmtree(installed.environment)


@pytest.fixture(scope="module")
def lakehouse(installation: Installation, kind: str) -> Installation:
    """The same after `olist materialize`."""
    installation.run("materialize", *SELECTIONS[kind])
    return installation


def test_both_distributions_have_every_file_of_the_package(built: Built):
    with zipfile.ZipFile(built.wheel) as archive:
        in_wheel = set(archive.namelist())
    assert package_files() - in_wheel == set()
    assert package_files() - sdist_files(built.sdist) == set()
    # Otherwise the comparison would hold for a package without data files.
    assert {Path(name).suffix for name in in_wheel} >= {".sql", ".yaml", ".json", ".properties", ".sha256", ".typed"}


def test_the_wheel_has_nothing_but_the_package(built: Built):
    with zipfile.ZipFile(built.wheel) as archive:
        folders = {name.split("/", 1)[0] for name in archive.namelist()}
    assert folders == {"olist_assets", built.wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"}


def test_the_installed_package_is_the_one_that_runs(installation: Installation):
    file = installation.evaluate("import olist_assets; print(olist_assets.__file__)")
    assert Path(file).is_relative_to(installation.environment)


def test_doctor_finds_no_problem_and_the_packaged_roles(installation: Installation):
    printed = installation.run("doctor")
    assert "✗" not in printed
    assert "analyst" in printed
    assert f"{installation.environment}" in next(line for line in printed.splitlines() if "✓ roles" in line)


def test_materialize_leaves_tables_and_dagsters_configuration(lakehouse: Installation, tables: Catalog, kind: str):
    """`olist tables` lists them with their rows."""
    printed = lakehouse.run("tables")
    missing = [line for line in printed.splitlines() if "not made yet" in line]
    if kind == "complete":
        assert len(missing) == len(tables.tables) - len(tables.business_tables)
    row = next(line for line in printed.splitlines() if "gold_daily_metrics" in line)
    assert " 774 " in row
    assert (lakehouse.folder / "warehouse" / "dagster" / "dagster.yaml").exists()


def test_a_packaged_query_runs_by_its_name(lakehouse: Installation):
    rows = json.loads(lakehouse.run("sql", "-f", "kpis", "--format", "json"))
    assert {row["kpi"] for row in rows} >= {"revenue", "orders"}
    assert all(float(row["last_90_days"]) > 0 for row in rows if row["kpi"] in ("revenue", "orders"))


def test_a_packaged_role_masks_personal_data(lakehouse: Installation):
    query = "SELECT customer_id, customer_city FROM silver_orders_master ORDER BY order_id LIMIT 3"
    (plain, masked) = (
        json.loads(lakehouse.run("sql", *role, "--format", "json", query, OLIST_MASK_SALT="0123456789abcdef" * 4))
        for role in ((), ("--as", "analyst"))
    )
    assert len(plain) == len(masked) == 3
    assert not {row["customer_id"] for row in plain} & {row["customer_id"] for row in masked}
    assert all(row["customer_city"] for row in plain)
    assert not any(row["customer_city"] for row in masked)


def test_the_notebook_api_reads_a_table(lakehouse: Installation):
    code = "from olist_assets import Lakehouse; print(len(Lakehouse().table('gold_daily_metrics')))"
    assert lakehouse.evaluate(code) == "774"


def test_the_ui_lists_all_assets(lakehouse: Installation, tables: Catalog):
    query = json.dumps({"query": "{assetNodes {assetKey {path}}}"}).encode()
    with served(lakehouse, "ui") as address:
        request = Request(f"{address}/graphql", query, {"Content-Type": "application/json"})
        with urlopen(request, timeout=60) as response:
            nodes = json.load(response)["data"]["assetNodes"]
    assert {node["assetKey"]["path"][-1] for node in nodes} >= set(tables.functions)


def test_the_dashboard_answers(lakehouse: Installation):
    with served(lakehouse, "dashboard") as address:
        with urlopen(f"{address}/_stcore/health", timeout=60) as response:
            assert response.read() == b"ok"
        with urlopen(address, timeout=60) as response:
            assert b"Streamlit" in response.read()


def test_the_dashboard_shows_its_first_page(lakehouse: Installation):
    code = (
        "from importlib.util import find_spec; from streamlit.testing.v1 import AppTest; "
        "page = AppTest.from_file(find_spec('olist_assets.dashboard.app').origin, default_timeout=300).run(); "
        "print(len(page.exception), len(page.metric) > 0)"
    )
    assert lakehouse.evaluate(code) == "0 True"


@contextmanager
def served(installed: Installation, command: str) -> Iterator[str]:
    """The address of a server while it runs; afterwards none of its processes is left."""
    port = free_port()
    words = [installed.olist, command, "--port", str(port)]
    log = installed.folder / f"{command}.log"
    # Without the project on the path, from which the package would be imported instead of the installed one.
    env = installed.env | {"PYTHONPATH": ""}
    with server(words, port, log, env, folder=installed.folder) as process:
        started = psutil.Process(process.pid)
        processes = [started, *started.children(recursive=True)]
        yield f"http://127.0.0.1:{port}"
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive
    assert not answers(port)
