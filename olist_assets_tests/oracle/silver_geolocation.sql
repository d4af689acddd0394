-- One row per zip code prefix: its most frequent place, and the median of its points in Brazil.
WITH points AS (
    SELECT
        lpad(geolocation_zip_code_prefix, 5, '0') AS zip,
        geolocation_lat::DOUBLE AS lat,
        geolocation_lng::DOUBLE AS lng,
        lat BETWEEN -33.75::DOUBLE AND 5.28::DOUBLE AND lng BETWEEN -73.99::DOUBLE AND -34.79::DOUBLE AS is_inside,
        geolocation_city AS city,
        geolocation_state AS state
    FROM bronze_geolocation
),
places AS (
    SELECT zip, city, state
    FROM points
    GROUP BY zip, city, state
    QUALIFY row_number() OVER (PARTITION BY zip ORDER BY count(*) DESC, city, state) = 1
)
SELECT
    p.zip AS zip_code_prefix,
    any_value(l.city) AS city,
    any_value(l.state) AS state,
    quantile_cont(p.lat, 0.5) FILTER (WHERE p.is_inside) AS latitude,
    quantile_cont(p.lng, 0.5) FILTER (WHERE p.is_inside) AS longitude,
    count(*)::INTEGER AS points,
    (count(*) FILTER (WHERE NOT p.is_inside))::INTEGER AS points_outside
FROM points AS p
JOIN places AS l ON l.zip = p.zip
GROUP BY p.zip
