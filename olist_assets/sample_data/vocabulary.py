"""Words of the sample: product categories with their translations, and texts of reviews."""

_TRANSLATIONS = """
beleza_saude:health_beauty informatica_acessorios:computers_accessories automotivo:auto
cama_mesa_banho:bed_bath_table moveis_decoracao:furniture_decor esporte_lazer:sports_leisure
perfumaria:perfumery utilidades_domesticas:housewares telefonia:telephony relogios_presentes:watches_gifts
alimentos_bebidas:food_drink bebes:baby papelaria:stationery tablets_impressao_imagem:tablets_printing_image
brinquedos:toys telefonia_fixa:fixed_telephony ferramentas_jardim:garden_tools
fashion_bolsas_e_acessorios:fashion_bags_accessories eletroportateis:small_appliances
consoles_games:consoles_games audio:audio fashion_calcados:fashion_shoes cool_stuff:cool_stuff
malas_acessorios:luggage_accessories climatizacao:air_conditioning
construcao_ferramentas_construcao:construction_tools_construction
moveis_cozinha_area_de_servico_jantar_e_jardim:kitchen_dining_laundry_garden_furniture
construcao_ferramentas_jardim:costruction_tools_garden fashion_roupa_masculina:fashion_male_clothing
pet_shop:pet_shop moveis_escritorio:office_furniture market_place:market_place eletronicos:electronics
eletrodomesticos:home_appliances artigos_de_festas:party_supplies casa_conforto:home_confort
construcao_ferramentas_ferramentas:costruction_tools_tools agro_industria_e_comercio:agro_industry_and_commerce
moveis_colchao_e_estofado:furniture_mattress_and_upholstery livros_tecnicos:books_technical
casa_construcao:home_construction instrumentos_musicais:musical_instruments moveis_sala:furniture_living_room
construcao_ferramentas_iluminacao:construction_tools_lights
industria_comercio_e_negocios:industry_commerce_and_business alimentos:food artes:art
moveis_quarto:furniture_bedroom livros_interesse_geral:books_general_interest
construcao_ferramentas_seguranca:construction_tools_safety
fashion_underwear_e_moda_praia:fashion_underwear_beach fashion_esporte:fashion_sport
sinalizacao_e_seguranca:signaling_and_security pcs:computers artigos_de_natal:christmas_supplies
fashion_roupa_feminina:fashio_female_clothing eletrodomesticos_2:home_appliances_2
livros_importados:books_imported bebidas:drinks cine_foto:cine_photo la_cuisine:la_cuisine musica:music
casa_conforto_2:home_comfort_2 portateis_casa_forno_e_cafe:small_appliances_home_oven_and_coffee
cds_dvds_musicais:cds_dvds_musicals dvds_blu_ray:dvds_blu_ray flores:flowers
artes_e_artesanato:arts_and_craftmanship fraldas_higiene:diapers_and_hygiene
fashion_roupa_infanto_juvenil:fashion_childrens_clothes seguros_e_servicos:security_and_services
"""
_POPULAR = (
    "cama_mesa_banho", "esporte_lazer", "moveis_decoracao", "beleza_saude", "utilidades_domesticas", "automotivo",
    "informatica_acessorios", "brinquedos", "relogios_presentes", "telefonia", "bebes", "perfumaria",
)  # fmt: skip

TRANSLATIONS: tuple[tuple[str, str], ...] = tuple(
    (name, english) for name, _, english in (pair.partition(":") for pair in _TRANSLATIONS.split())
)
UNTRANSLATED = ("pc_gamer", "portateis_cozinha_e_preparadores_de_alimentos")
# The popular ones first, as `catalog` draws early names more often; those without a translation are rarest.
CATEGORIES: tuple[str, ...] = (
    *_POPULAR,
    *(name for name, _ in TRANSLATIONS if name not in _POPULAR),
    *UNTRANSLATED,
)

TITLES: dict[str, tuple[str, ...]] = {
    "good": ("Recomendo", "Super recomendo", "Ótimo", "Muito bom", "Excelente!", "10", "Nota 10, perfeito"),
    "fair": ("Bom", "Razoável", "Regular", "Esperava mais", "Mais ou menos"),
    "bad": ("Não recomendo", "Péssimo", "Não recebi", "Produto com defeito", "Decepção, não compro mais"),
}
OPENINGS: dict[str, tuple[str, ...]] = {
    "good": (
        "Produto excelente", "Adorei a compra, chegou tudo certo", "Entrega muito rápida", "Ótima qualidade e preço",
        'Produto igual ao anúncio, "nota 10"', "Gostei muito, já é a terceira vez que compro", "Loja de confiança",
    ),
    "fair": (
        "O produto é bom, mas a embalagem veio amassada", "A cor não é a mesma da foto",
        'O anúncio dizia "original" e não parece', "Achei pequeno", "Chegou no prazo, qualidade média",
        "Demorou um pouco, porém chegou",
    ),
    "bad": (
        "Ainda não recebi o produto", "Veio com defeito e ninguém responde", "Comprei dois, só chegou um",
        'O rastreamento diz "entregue", mas não recebi nada', "Produto errado, quero a devolução",
        "Péssima experiência",
    ),
}  # fmt: skip
CLOSINGS: dict[str, tuple[str, ...]] = {
    "good": (".", ", recomendo!", ". Parabéns!\r\nVoltarei a comprar.", ", obrigada pela atenção", " e bem embalado."),
    "fair": (".", ", poderia ser melhor", ".\r\nNo mais, tudo certo.", ", mas funciona.", " e só."),
    "bad": (".", ", quero meu dinheiro de volta!", ".\r\nAguardo uma solução.", ", não recomendo", "!!!"),
}
