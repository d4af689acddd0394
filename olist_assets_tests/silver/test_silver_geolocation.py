"""silver_geolocation: the most frequent place and the median point of each prefix."""

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.silver.silver_geolocation import silver_geolocation
from olist_assets_tests.rows import frame, only


def place(spark, *points):
    return only(silver_geolocation(frame(spark, BRONZE["geolocation"], *points)))


def point(lat, lng="-43.0", **more):
    return {"geolocation_lat": lat, "geolocation_lng": lng, **more}


def test_the_coordinates_are_the_medians_of_the_points_in_brazil(spark):
    row = place(spark, point("-22.0"), point("-22.0"), point("-24.0", "-45.0"), point("45.0", "9.0"), point("-23.0"))
    assert (row.latitude, row.longitude) == (-22.5, -43.0)
    assert (row.points, row.points_outside) == (5, 1)


def test_a_prefix_without_a_point_in_brazil_has_a_place_and_no_coordinates(spark):
    row = place(spark, point("45.0", "9.0"))
    assert (row.city, row.latitude, row.longitude, row.points, row.points_outside) == ("x", None, None, 1, 1)


def test_the_place_is_the_most_frequent_one_and_of_equally_frequent_ones_the_first_by_name(spark):
    a, b = ({"geolocation_city": name, "geolocation_state": state} for name, state in (("a", "SP"), ("b", "RJ")))
    assert place(spark, a, b, b).city == "b"
    for points in ((a, b), (b, a)):
        row = place(spark, *points)
        assert (row.city, row.state) == ("a", "SP")


def test_points_of_a_prefix_with_and_without_its_zeros_are_one_place(spark):
    row = place(spark, *({"geolocation_zip_code_prefix": text} for text in ("01310", "1310")))
    assert (row.zip_code_prefix, row.points) == ("01310", 2)
