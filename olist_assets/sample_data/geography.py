"""Brazil's states: shares of customers and sellers, zip prefixes, capital coordinates, and cities."""

from dataclasses import dataclass


@dataclass(frozen=True)
class State:
    """A state; shares are percent, the coordinates are those of its first city, `slowness` scales transit times."""

    code: str
    customers: float
    sellers: float
    zips: tuple[int, int]
    place: tuple[float, float]
    slowness: float
    cities: tuple[str, ...]


STATES: tuple[State, ...] = (
    State("SP", 41.98, 59.7, (1001, 19999), (-23.55, -46.63), 0.8, (
        "são paulo", "campinas", "guarulhos", "são bernardo do campo", "santo andré", "osasco", "santos",
        "sorocaba", "são josé dos campos", "jundiaí", "ribeirão preto", "bauru", "piracicaba", "mogi das cruzes",
        "são josé do rio preto", "limeira", "taubaté", "franca", "ibitinga", "santa bárbara d'oeste")),
    State("RJ", 12.92, 5.5, (20010, 28999), (-22.91, -43.17), 1.2, (
        "rio de janeiro", "niterói", "nova iguaçu", "são gonçalo", "duque de caxias", "petrópolis",
        "campos dos goytacazes", "volta redonda")),
    State("MG", 11.70, 7.9, (30110, 39995), (-19.92, -43.94), 1.0, (
        "belo horizonte", "juiz de fora", "contagem", "uberlândia", "montes claros", "betim", "uberaba",
        "ipatinga", "poços de caldas", "sete lagoas")),
    State("RS", 5.50, 4.2, (90010, 99990), (-30.03, -51.23), 1.2, (
        "porto alegre", "caxias do sul", "canoas", "pelotas", "santa maria", "novo hamburgo", "passo fundo")),
    State("PR", 5.07, 11.3, (80010, 87990), (-25.43, -49.27), 1.0, (
        "curitiba", "londrina", "maringá", "ponta grossa", "cascavel", "foz do iguaçu", "são josé dos pinhais")),
    State("SC", 3.66, 6.1, (88010, 89998), (-27.60, -48.55), 1.2, (
        "florianópolis", "joinville", "blumenau", "itajaí", "são josé", "chapecó", "criciúma")),
    State("BA", 3.40, 0.6, (40010, 48990), (-12.97, -38.50), 1.6, (
        "salvador", "feira de santana", "vitória da conquista", "lauro de freitas", "camaçari", "ilhéus")),
    State("DF", 2.15, 1.0, (70040, 72799), (-15.79, -47.88), 1.1, ("brasília", "taguatinga", "gama")),
    State("ES", 2.04, 0.7, (29010, 29985), (-20.32, -40.34), 1.3, (
        "vitória", "vila velha", "serra", "cariacica", "linhares")),
    State("GO", 2.03, 1.3, (72800, 76730), (-16.69, -49.26), 1.3, (
        "goiânia", "anápolis", "aparecida de goiânia", "rio verde", "catalão")),
    State("PE", 1.66, 0.3, (50010, 56980), (-8.05, -34.90), 1.6, (
        "recife", "jaboatão dos guararapes", "olinda", "caruaru", "petrolina")),
    State("CE", 1.34, 0.4, (60010, 63960), (-3.73, -38.53), 1.8, (
        "fortaleza", "caucaia", "juazeiro do norte", "sobral", "maracanaú")),
    State("PA", 0.98, 0.05, (66010, 68820), (-1.46, -48.49), 2.0, ("belém", "ananindeua", "santarém", "marabá")),
    State("MT", 0.91, 0.15, (78005, 78890), (-15.60, -56.10), 1.5, (
        "cuiabá", "várzea grande", "rondonópolis", "sinop")),
    State("MA", 0.75, 0.05, (65010, 65980), (-2.53, -44.30), 1.8, ("são luís", "imperatriz", "timon")),
    State("MS", 0.72, 0.15, (79002, 79995), (-20.44, -54.65), 1.3, ("campo grande", "dourados", "três lagoas")),
    State("PB", 0.54, 0.2, (58010, 58995), (-7.12, -34.86), 1.7, ("joão pessoa", "campina grande", "patos")),
    State("PI", 0.50, 0.05, (64000, 64980), (-5.09, -42.80), 1.7, ("teresina", "parnaíba", "picos")),
    State("RN", 0.49, 0.15, (59010, 59995), (-5.79, -35.21), 1.7, ("natal", "mossoró", "parnamirim")),
    State("AL", 0.42, 0.05, (57010, 57975), (-9.67, -35.74), 2.0, ("maceió", "arapiraca", "penedo")),
    State("SE", 0.35, 0.1, (49000, 49995), (-10.91, -37.07), 1.8, ("aracaju", "lagarto", "itabaiana")),
    State("TO", 0.28, 0.05, (77001, 77995), (-10.18, -48.33), 1.5, ("palmas", "araguaína", "gurupi")),
    State("RO", 0.25, 0.1, (76801, 76997), (-8.76, -63.90), 1.7, ("porto velho", "ji-paraná", "ariquemes")),
    State("AM", 0.15, 0.05, (69005, 69299), (-3.12, -60.02), 2.2, ("manaus", "parintins", "itacoatiara")),
    State("AC", 0.08, 0.05, (69900, 69980), (-9.97, -67.81), 1.8, ("rio branco", "cruzeiro do sul", "sena madureira")),
    State("AP", 0.07, 0.02, (68900, 68997), (0.03, -51.07), 2.3, ("macapá", "santana", "laranjal do jari")),
    State("RR", 0.05, 0.02, (69301, 69380), (2.82, -60.67), 2.4, ("boa vista", "caracaraí", "rorainópolis")),
)  # fmt: skip
