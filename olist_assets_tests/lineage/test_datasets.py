"""Tables and source files as OpenLineage datasets, in the events of the step that writes a table."""

from olist_assets.catalog import catalog
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.lineage.events import send_new
from olist_assets_tests.lineage.receiver import run


def test_event_of_a_table_has_its_inputs_and_its_output(storage, sent_to_file, warehouse):
    run(storage)
    send_new(storage, warehouse)
    _, _, event, _ = sent_to_file()
    (read, customers), (written,) = event["inputs"], event["outputs"]
    root = warehouse.root
    assert (read["namespace"], read["name"]) == ("file", f"{root}/bronze/bronze_orders")
    assert (customers["namespace"], customers["name"]) == ("file", f"{root}/silver/silver_customers")
    assert (written["namespace"], written["name"]) == ("file", f"{root}/silver/silver_orders")
    facets, statistics = written["facets"], written["outputFacets"]["outputStatistics"]
    assert {f["name"]: f["type"] for f in facets["schema"]["fields"]} == {
        column.name: column.type for column in warehouse.catalog.table("silver_orders").columns
    }
    assert facets["version"]["datasetVersion"] == "7"
    assert facets["dataSource"]["name"] == "file"
    assert (statistics["rowCount"], statistics["size"], statistics["fileCount"]) == (12, 345, 1)
    origins = facets["columnLineage"]["fields"]["delivery_days"]["inputFields"]
    assert [origin["field"] for origin in origins] == ["order_delivered_customer_date", "order_purchase_timestamp"]
    assert {origin["name"] for origin in origins} == {read["name"]}


def test_bronze_table_comes_from_its_file_column_by_column(storage, sent_to_file, warehouse):
    run(storage, "bronze_sellers")
    send_new(storage, warehouse)
    _, _, event, _ = sent_to_file()
    file = str(warehouse.settings.data / "olist_sellers_dataset.csv")
    assert [read["name"] for read in event["inputs"]] == [file]
    fields = event["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert fields["seller_id"]["inputFields"][0]["name"] == file
    assert "ingestion_timestamp" not in fields


def test_table_in_s3_is_named_by_bucket_and_key(storage, sent_to_file, settings):
    in_s3 = Warehouse(settings.model_copy(update={"warehouse": "s3://lake/olist"}), catalog())
    run(storage)
    send_new(storage, in_s3)
    _, _, event, _ = sent_to_file()
    assert [(d["namespace"], d["name"]) for d in event["outputs"]] == [("s3://lake", "olist/silver/silver_orders")]


def test_failed_step_has_an_output_without_rows_and_version(storage, sent_to_file, warehouse):
    run(storage, fails=True)
    send_new(storage, warehouse)
    _, _, step, _ = sent_to_file()
    assert not step["outputs"][0]["outputFacets"]
    assert "version" not in step["outputs"][0]["facets"]
