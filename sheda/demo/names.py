"""What people and agencies are called: given and family names that go together, by origin."""

import unicodedata
from random import Random

_YORUBA = (
    """Adébáyọ̀ Ayọ̀délé Bọ́lá Olúwaṣeun Folákẹ́ Títílayọ̀ Táíwò Kẹ́hìndé Yétúndé Babátúndé Fẹ́mi Dàmilọ́lá Simisọ́lá
    Tèmítọ́pẹ́ Adéọlá Ọlálékan Morẹ́nikẹ́ Ìbùkún Olúmidé Rónkẹ́""",
    """Adéwálé Ògúnlẹ́yẹ Bálógun Akínwándé Olúwọlé Adéyẹmí Fálànà Oyèlárán Adébísí Akíntọ́lá Ọláníyan Ṣówándé Àjàyí
    Odùyà Fáshọlá Òjó""",
)
_IGBO = (
    """Chinedu Ngọzi Emeka Adaeze Obinna Chiamaka Ifeanyi Nneka Uchenna Amarachi Kelechi Chioma Nnamdi Ifeoma Chukwudi
    Ogechi Ikenna Somtochukwu Ebuka Nkechi""",
    """Okafor Nwosu Eze Okonkwo Obi Nwachukwu Umeh Onyekachi Azikiwe Igwe Ezeani Okoye Nnadi Anyanwu Mbah Chukwu""",
)
_HAUSA = (
    """Aisha Musa Ibrahim Fatima Abubakar Zainab Usman Hauwa Sani Maryam Yusuf Halima Bashir Rahma Aminu Khadija Nasiru
    Binta Sadiq Safiya""",
    """Abdullahi Bello Danjuma Garba Yakubu Lawal Suleiman Mohammed Aliyu Shehu Dantata Idris Gambo Umar Kabir Tukur""",
)
_SOUTH_AND_MIDDLE_BELT = (
    """Osaze Efe Ekaette Tamuno Terhemba Ebiere Ufuoma Itohan Idara Preye Nosa Mfon Oghenekaro Eno Dooshima Aniekan Ese
    Boma Ivie Timi""",
    """Osagie Etim Briggs Akpan Orubebe Igbinedion Tyokaa Effiong Okoro Dokubo Ekpo Omoruyi Udoh Agbaje Peterside
    Iorliam""",
)

ORIGINS = tuple(
    (tuple(given.split()), tuple(family.split())) for given, family in (_YORUBA, _IGBO, _HAUSA, _SOUTH_AND_MIDDLE_BELT)
)
"""Given names and the family names that go with them."""

AGENCIES = (
    "Harmattan Homes",
    "Third Mainland Realty",
    "Ọmọlúàbí Properties",
    "Aso Rock Realtors",
    "Coal City Estates",
    "Garden City Homes",
    "Savannah Keys",
    "Lagoon View Properties",
    "Iroko Lettings",
    "Zuma Property Partners",
    "Palm Grove Realty",
    "Cowrie & Keys",
    "Olumo Estates",
    "Niger Bridge Homes",
    "Arewa Living",
    "Umbrella Tree Realty",
    "Baobab Residential",
    "Obudu Hills Property",
    "Kente & Clay Homes",
    "Marina Row Realtors",
)

_WEIGHTS = (35, 30, 20, 15)


def draw_name(draw: Random) -> tuple[str, str]:
    """Draw a given name and a family name of one origin."""
    given, family = draw.choices(ORIGINS, _WEIGHTS)[0]
    return draw.choice(given), draw.choice(family)


def plain(text: str) -> str:
    """Reduce a name to the letters of an e-mail address: "Adébáyọ̀" becomes "adebayo"."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in letters if letter.isalnum())
