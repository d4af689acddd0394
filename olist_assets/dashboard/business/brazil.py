"""Brazil on a chart, without a map server: its outline, its states as tiles, and their names.

The outline is accurate to a tenth of a degree at best, which is enough to see where the cities are.
"""

import altair as alt
import pandas as pd

STATES = {
    "AC": "Acre", "AL": "Alagoas", "AM": "Amazonas", "AP": "Amapá", "BA": "Bahia", "CE": "Ceará",
    "DF": "Distrito Federal", "ES": "Espírito Santo", "GO": "Goiás", "MA": "Maranhão", "MG": "Minas Gerais",
    "MS": "Mato Grosso do Sul", "MT": "Mato Grosso", "PA": "Pará", "PB": "Paraíba", "PE": "Pernambuco", "PI": "Piauí",
    "PR": "Paraná", "RJ": "Rio de Janeiro", "RN": "Rio Grande do Norte", "RO": "Rondônia", "RR": "Roraima",
    "RS": "Rio Grande do Sul", "SC": "Santa Catarina", "SE": "Sergipe", "SP": "São Paulo", "TO": "Tocantins",
}  # fmt: skip
_TILES = """
.. RR .. AP .. ..
.. AM PA MA CE RN
AC RO TO PI PE PB
.. MT GO BA SE AL
.. MS DF MG ES ..
.. .. SP RJ .. ..
.. .. PR .. .. ..
.. .. SC .. .. ..
.. .. RS .. .. ..
"""
# Longitude and latitude, from the south along the land border, then back along the coast.
_OUTLINE = """
-53.4,-33.8 -53.7,-33.2 -53.2,-32.7 -53.8,-32.0 -54.6,-31.5 -55.6,-30.9 -56.0,-30.9 -57.0,-30.1 -57.6,-30.2 -56.3,-28.9
-55.2,-27.9 -54.5,-27.5 -53.6,-26.9 -53.6,-26.1 -54.1,-25.5 -54.6,-25.7 -54.4,-25.2 -54.3,-24.0 -54.7,-23.8 -55.4,-24.0
-55.5,-23.6 -55.6,-22.7 -55.8,-22.4 -56.5,-22.1 -56.9,-22.3 -57.9,-22.1 -57.9,-20.7 -58.2,-20.2 -57.9,-20.0 -57.9,-19.4
-57.7,-19.0 -57.5,-18.2 -57.7,-17.6 -58.3,-17.3 -58.4,-16.9 -58.2,-16.3 -60.2,-16.3 -60.5,-15.1 -60.3,-15.1 -60.3,-14.6
-60.5,-13.8 -61.1,-13.5 -61.7,-13.5 -62.1,-13.2 -62.8,-13.0 -63.2,-12.6 -64.3,-12.5 -65.4,-11.6 -65.3,-10.9 -65.4,-10.5
-65.3,-9.8 -66.6,-9.9 -67.2,-10.3 -68.0,-10.7 -68.3,-11.0 -69.5,-11.0 -70.1,-11.1 -70.5,-11.0 -70.5,-9.5 -71.3,-10.1
-72.2,-10.1 -72.6,-9.5 -73.2,-9.5 -73.0,-9.0 -73.6,-8.4 -74.0,-7.5 -73.7,-7.3 -73.7,-6.9 -73.1,-6.6 -73.2,-6.1
-73.0,-5.7 -72.9,-5.3 -71.7,-4.6 -70.9,-4.4 -70.8,-4.3 -69.9,-4.3 -69.4,-1.6 -69.4,-1.1 -69.6,-0.5 -70.0,-0.2
-70.0,0.5 -69.5,0.7 -69.3,0.6 -69.2,1.0 -69.8,1.1 -69.8,1.7 -67.9,1.7 -67.5,2.0 -67.3,1.7 -67.1,1.1 -66.9,1.3 -66.3,0.7
-65.5,0.8 -65.4,1.1 -64.6,1.3 -64.2,1.5 -64.1,1.9 -63.4,2.2 -63.4,2.4 -64.3,2.5 -64.4,3.1 -64.4,3.8 -64.8,4.1 -64.6,4.1
-63.9,4.0 -63.1,3.8 -62.8,4.0 -62.1,4.2 -61.0,4.5 -60.6,4.9 -60.7,5.2 -60.2,5.2 -60.0,5.0 -60.1,4.6 -59.8,4.4 -59.5,4.0
-59.8,3.6 -60.0,2.8 -59.7,2.2 -59.6,1.8 -59.0,1.3 -58.5,1.3 -58.4,1.5 -58.1,1.5 -57.7,1.7 -57.3,1.9 -56.8,1.9 -56.0,1.8
-55.9,2.0 -56.1,2.2 -56.0,2.5 -55.6,2.4 -55.1,2.5 -54.5,2.3 -54.1,2.1 -53.8,2.4 -53.6,2.3 -53.4,2.1 -52.9,2.1 -52.6,2.5
-52.2,3.2 -51.7,4.2 -51.3,4.2 -51.1,3.7 -50.5,1.9 -50.0,1.7 -49.9,1.0 -50.7,0.2 -50.4,-0.1 -48.6,-0.2 -48.6,-1.2
-47.8,-0.6 -46.6,-0.9 -44.9,-1.6 -44.4,-2.1 -44.6,-2.7 -43.4,-2.4 -41.5,-2.9 -40.0,-2.9 -38.5,-3.7 -37.2,-4.8 -36.5,-5.1
-35.6,-5.1 -35.2,-5.5 -34.9,-6.7 -34.7,-7.3 -35.1,-9.0 -35.6,-9.6 -37.0,-11.0 -37.7,-12.2 -38.4,-13.0 -38.7,-13.1
-39.0,-13.8 -38.9,-15.7 -39.2,-17.2 -39.3,-17.9 -39.6,-18.3 -39.8,-19.6 -40.8,-20.9 -40.9,-21.9 -41.8,-22.4 -42.0,-23.0
-43.1,-23.0 -44.6,-23.4 -45.4,-23.8 -46.5,-24.1 -47.6,-24.9 -48.5,-25.9 -48.6,-26.6 -48.5,-27.2 -48.7,-28.2 -48.9,-28.7
-49.6,-29.2 -50.7,-31.0 -51.6,-31.8 -52.3,-32.2 -52.7,-33.2 -53.4,-33.8
"""


def state_name(code: str) -> str:
    """`SP São Paulo`; for an unknown code the code alone."""
    return f"{code} {STATES.get(code, '')}".strip()


def tiles() -> pd.DataFrame:
    """`state`, `state_name`, `column` and `row` of each state: a grid with the states in their approximate position."""
    rows = [line.split() for line in _TILES.split("\n") if line]
    return pd.DataFrame(
        [
            {"state": code, "state_name": STATES[code], "column": column, "row": row}
            for row, codes in enumerate(rows)
            for column, code in enumerate(codes)
            if code in STATES
        ]
    )


def outline() -> alt.Chart:
    """The shape of Brazil, as the layer below the points."""
    ring = [[float(part) for part in point.split(",")] for point in _OUTLINE.split()]
    shape = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    return alt.Chart(alt.InlineData(values=shape)).mark_geoshape(
        fill="#94a3b8", fillOpacity=0.15, stroke="#94a3b8", strokeWidth=1
    )
