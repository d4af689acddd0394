"""The warehouse as a resource with dagster-deltalake's storage configuration, and the engine of a run; no network."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_deltalake import LocalConfig, S3Config
from deltalake.exceptions import TableNotFoundError

from olist_assets.catalog import catalog
from olist_assets.contracts.source_files import SOURCES
from olist_assets.engine import resources
from olist_assets.engine.resources import EngineResource, WarehouseResource, engine_resources
from olist_assets.errors import OlistError
from olist_assets.lakehouse import object_store
from olist_assets.lakehouse.warehouse import TableMissing, Warehouse
from olist_assets.settings import Settings

# Nothing is listening there.
ENDPOINT = "http://127.0.0.1:9"


@pytest.fixture
def in_s3(monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A warehouse in a bucket behind an endpoint without TLS."""
    monkeypatch.setenv(object_store.ENDPOINT, ENDPOINT)
    monkeypatch.setenv(object_store.REGION, "eu-west-1")
    return Warehouse(Settings(warehouse="s3://bucket/lake"), catalog())


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """Addresses and options with which deltalake opens tables, none of which exists."""
    seen: list[tuple[str, dict[str, str]]] = []

    def open_table(address: str, version: int | None, storage_options: dict[str, str]) -> None:
        seen.append((address, storage_options))
        raise TableNotFoundError

    monkeypatch.setattr(object_store, "DeltaTable", open_table)
    return seen


def received(resource: WarehouseResource, configuration: dict[str, Any] | None = None) -> Warehouse:
    """The warehouse that an asset receives, in a run with this configuration of the resource."""
    seen: list[Warehouse] = []

    @dg.asset
    def reader(warehouse: dg.ResourceParam[Warehouse]) -> None:
        seen.append(warehouse)

    config = {"resources": {"warehouse": {"config": configuration}}} if configuration else {}
    assert dg.materialize([reader], resources={"warehouse": resource}, run_config=config).success
    return seen[0]


def test_a_local_warehouse_has_no_storage_options(warehouse):
    resource = WarehouseResource.of(warehouse)
    assert isinstance(resource.storage_options, LocalConfig)
    found = received(resource)
    assert found == warehouse
    assert found.storage_options == {}


def test_a_warehouse_in_s3_takes_endpoint_and_region_from_the_environment(in_s3, opened):
    resource = WarehouseResource.of(in_s3)
    assert isinstance(resource.storage_options, S3Config)
    assert resource.client_options.allow_http is True
    found = received(resource)
    assert (found.settings, found.catalog) == (in_s3.settings, in_s3.catalog)
    with pytest.raises(TableMissing):
        found.open("bronze_orders")
    ((address, options),) = opened
    assert address == "s3://bucket/lake/bronze/bronze_orders"
    assert (options["endpoint"], options["region"]) == (ENDPOINT, "eu-west-1")
    assert options["allow_http"].lower() == "true"
    assert "provider" not in options


def test_an_endpoint_with_tls_allows_no_http(in_s3, opened, monkeypatch):
    monkeypatch.setenv(object_store.ENDPOINT, "https://127.0.0.1:9")
    resource = WarehouseResource.of(in_s3)
    assert resource.client_options.allow_http is None
    with pytest.raises(TableMissing):
        received(resource).open("bronze_orders")
    assert "allow_http" not in opened[0][1]


def test_the_runs_configuration_overrides_the_environment(in_s3, opened):
    configuration = {
        "storage_options": {"s3": {"region": "us-east-1", "access_key_id": "a-key", "endpoint": "https://127.0.0.1:9"}},
        "client_options": {"connect_timeout": 3},
    }
    with pytest.raises(TableMissing):
        received(WarehouseResource.of(in_s3), configuration).open("bronze_orders")
    options = opened[0][1]
    assert (options["region"], options["access_key_id"]) == ("us-east-1", "a-key")
    assert (options["endpoint"], options["connect_timeout"]) == ("https://127.0.0.1:9", "3")


def test_a_run_ends_its_session_on_a_server_also_when_it_fails(warehouse, monkeypatch):
    ended: list[Settings] = []

    class Engine:
        def __init__(self, settings: Settings) -> None:
            self._settings = settings

        def close(self) -> None:
            ended.append(self._settings)

    @dg.asset
    def failing(engine: dg.ResourceParam[Any]) -> None:
        assert isinstance(engine, Engine)
        assert not ended
        raise ValueError

    monkeypatch.setattr(resources, "engine_of", Engine)
    resource = EngineResource(warehouse=WarehouseResource.of(warehouse))
    assert not dg.materialize([failing], resources={"engine": resource}, raise_on_error=False).success
    assert ended == [warehouse.settings]


class NoEngine:
    """The engine of a run that is not expected to read anything."""

    def __init__(self, settings: Settings) -> None: ...

    def close(self) -> None: ...

    def read_csv(self, *_: Any) -> None:
        raise LookupError("the file is read")


@pytest.mark.parametrize(
    ("allow_change", "error"), [(None, OlistError), (False, OlistError), (True, LookupError)], ids=str
)
def test_only_a_run_that_allows_a_change_reads_a_file_that_lacks_a_column(
    tmp_path: Path, monkeypatch, allow_change, error
):
    for source in SOURCES.values():
        (tmp_path / source.name).write_text(",".join(source.columns) + "\n")
    sellers = SOURCES["sellers"]
    (tmp_path / sellers.name).write_text(",".join(sellers.columns[:-1]) + "\n" + "x," * 2 + "x\n")
    monkeypatch.setattr(resources, "engine_of", NoEngine)
    found = Warehouse(Settings(data=tmp_path, warehouse=str(tmp_path / "warehouse")), catalog())

    @dg.asset
    def reader(source: dg.ResourceParam[Any]) -> None:
        source.read(sellers)

    policy = {} if allow_change is None else {"schema_policy": {"config": {"allow_change": allow_change}}}
    with pytest.raises(error):
        dg.materialize([reader], resources=engine_resources(found), run_config={"resources": policy})
