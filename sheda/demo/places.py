"""Where homes are let and sold: Nigerian areas with their local government, their coordinates and their price level."""

from dataclasses import dataclass

POPULARITY = {"Lagos": 6, "FCT": 5, "Rivers": 3, "Oyo": 3, "Ogun": 3, "Enugu": 2, "Edo": 2, "Kano": 2, "Kaduna": 2}
"""How many listings an area of a state has against one elsewhere."""


@dataclass(frozen=True, slots=True)
class Place:
    """An area of a town; `rent` is what two bedrooms cost there a year, in naira; coordinates in degrees."""

    area: str
    city: str
    lga: str
    state: str
    latitude: float
    longitude: float
    rent: int

    @property
    def weight(self) -> int:
        """Say how often the area is drawn."""
        return POPULARITY.get(self.state, 1)


_LAGOS = """
Ikoyi|Lagos|Eti-Osa|6.4541|3.4346|14000
Banana Island|Lagos|Eti-Osa|6.4660|3.4510|22000
Victoria Island|Lagos|Eti-Osa|6.4281|3.4219|11000
Lekki Phase 1|Lekki|Eti-Osa|6.4478|3.4723|7500
Ikate|Lekki|Eti-Osa|6.4396|3.5020|5500
Chevron Drive|Lekki|Eti-Osa|6.4400|3.5310|4500
Ajah|Lagos|Eti-Osa|6.4670|3.5660|2500
Sangotedo|Lagos|Eti-Osa|6.4720|3.6330|1800
Awoyaya|Lagos|Ibeju-Lekki|6.4690|3.7180|1200
Yaba|Lagos|Lagos Mainland|6.5095|3.3711|3000
Ebute Metta|Lagos|Lagos Mainland|6.4895|3.3800|2000
Surulere|Lagos|Surulere|6.4969|3.3481|2800
Gbagada|Lagos|Kosofe|6.5530|3.3880|3000
Magodo|Lagos|Kosofe|6.6180|3.3850|3500
Ketu|Lagos|Kosofe|6.5960|3.3850|1300
Ikeja GRA|Ikeja|Ikeja|6.5830|3.3590|5500
Opebi|Ikeja|Ikeja|6.5880|3.3620|3200
Ogba|Ikeja|Ikeja|6.6260|3.3430|2000
Agege|Lagos|Agege|6.6180|3.3209|1200
Egbeda|Lagos|Alimosho|6.5920|3.2910|1000
Ikotun|Lagos|Alimosho|6.5450|3.2710|800
Isolo|Lagos|Oshodi-Isolo|6.5370|3.3210|1300
Festac Town|Lagos|Amuwo-Odofin|6.4690|3.2830|1800
Apapa GRA|Lagos|Apapa|6.4480|3.3640|3000
Mushin|Lagos|Mushin|6.5350|3.3490|900
Ikorodu|Ikorodu|Ikorodu|6.6194|3.5105|700
Badagry|Badagry|Badagry|6.4150|2.8813|500
Epe|Epe|Epe|6.5841|3.9837|500
"""

_FCT = """
Maitama|Abuja|Abuja Municipal|9.0880|7.4950|10000
Asokoro|Abuja|Abuja Municipal|9.0430|7.5170|9000
Guzape|Abuja|Abuja Municipal|9.0170|7.5120|5500
Wuse 2|Abuja|Abuja Municipal|9.0790|7.4700|5000
Jabi|Abuja|Abuja Municipal|9.0650|7.4240|4000
Garki|Abuja|Abuja Municipal|9.0280|7.4880|3500
Utako|Abuja|Abuja Municipal|9.0690|7.4420|3200
Life Camp|Abuja|Abuja Municipal|9.0750|7.3960|3000
Gwarinpa|Abuja|Abuja Municipal|9.1090|7.4020|2500
Lokogoma|Abuja|Abuja Municipal|8.9740|7.4520|1500
Lugbe|Abuja|Abuja Municipal|8.9830|7.3730|1000
Kubwa|Abuja|Bwari|9.1560|7.3230|1100
Gwagwalada|Gwagwalada|Gwagwalada|8.9430|7.0830|450
"""

_ELSEWHERE = """
GRA Phase 2|Port Harcourt|Port Harcourt|Rivers|4.8240|7.0010|3000
Trans Amadi|Port Harcourt|Port Harcourt|Rivers|4.8130|7.0390|1500
Woji|Port Harcourt|Obio/Akpor|Rivers|4.8360|7.0560|1500
Rumuokoro|Port Harcourt|Obio/Akpor|Rivers|4.8680|6.9970|900
Eleme|Eleme|Eleme|Rivers|4.7990|7.1190|600
Bodija|Ibadan|Ibadan North|Oyo|7.4350|3.9140|1300
Oluyole Estate|Ibadan|Ibadan South-West|Oyo|7.3550|3.8560|1000
Ring Road|Ibadan|Ibadan South-West|Oyo|7.3570|3.8690|900
Akobo|Ibadan|Lagelu|Oyo|7.4370|3.9510|700
Ogbomoso|Ogbomoso|Ogbomoso North|Oyo|8.1335|4.2538|300
Ibara GRA|Abeokuta|Abeokuta South|Ogun|7.1360|3.3330|900
Oke-Ilewo|Abeokuta|Abeokuta South|Ogun|7.1475|3.3450|500
Sango|Ota|Ado-Odo/Ota|Ogun|6.6930|3.2350|500
Mowe|Mowe|Obafemi Owode|Ogun|6.8080|3.4370|500
Ijebu Ode|Ijebu Ode|Ijebu Ode|Ogun|6.8194|3.9173|350
Sagamu|Sagamu|Sagamu|Ogun|6.8485|3.6463|350
GRA|Benin City|Oredo|Edo|6.3150|5.6180|1200
Ugbowo|Benin City|Egor|Edo|6.4010|5.6100|600
Ekpoma|Ekpoma|Esan West|Edo|6.7433|6.1396|300
Okpanam Road|Asaba|Oshimili South|Delta|6.2150|6.7170|900
Effurun|Warri|Uvwie|Delta|5.5544|5.7930|700
Independence Layout|Enugu|Enugu North|Enugu|6.4480|7.5230|1800
New Haven|Enugu|Enugu North|Enugu|6.4560|7.5140|1200
Trans-Ekulu|Enugu|Enugu East|Enugu|6.4780|7.5030|1000
Nsukka|Nsukka|Nsukka|Enugu|6.8567|7.3958|400
Awka|Awka|Awka South|Anambra|6.2120|7.0740|700
GRA|Onitsha|Onitsha North|Anambra|6.1500|6.7860|900
Nnewi|Nnewi|Nnewi North|Anambra|6.0105|6.9103|500
New Owerri|Owerri|Owerri Municipal|Imo|5.4760|7.0050|1200
Umuahia|Umuahia|Umuahia North|Abia|5.5250|7.4920|500
Aba|Aba|Aba South|Abia|5.1066|7.3667|500
Ewet Housing|Uyo|Uyo|Akwa Ibom|5.0180|7.9390|1200
Ikot Ekpene|Ikot Ekpene|Ikot Ekpene|Akwa Ibom|5.1819|7.7148|350
State Housing|Calabar|Calabar Municipal|Cross River|4.9860|8.3430|800
Opolo|Yenagoa|Yenagoa|Bayelsa|4.9440|6.3170|800
Nassarawa GRA|Kano|Nassarawa|Kano|11.9940|8.5480|1200
Hotoro|Kano|Tarauni|Kano|11.9760|8.5790|500
Malali|Kaduna|Kaduna North|Kaduna|10.5530|7.4640|800
Barnawa|Kaduna|Kaduna South|Kaduna|10.4820|7.4260|600
Samaru|Zaria|Sabon Gari|Kaduna|11.1590|7.6510|350
Rayfield|Jos|Jos South|Plateau|9.8350|8.9050|800
Jos|Jos|Jos North|Plateau|9.9180|8.8920|500
GRA|Ilorin|Ilorin West|Kwara|8.4880|4.5680|700
Tanke|Ilorin|Ilorin South|Kwara|8.4770|4.6130|500
Osogbo|Osogbo|Osogbo|Osun|7.7710|4.5560|400
Ile-Ife|Ile-Ife|Ife Central|Osun|7.4824|4.5603|400
Alagbaka|Akure|Akure South|Ondo|7.2540|5.2120|700
Ado Ekiti|Ado Ekiti|Ado Ekiti|Ekiti|7.6211|5.2214|450
Mararaba|Mararaba|Karu|Nasarawa|9.0300|7.6000|500
Lafia|Lafia|Lafia|Nasarawa|8.4966|8.5157|400
Tunga|Minna|Chanchaga|Niger|9.5950|6.5480|450
Suleja|Suleja|Suleja|Niger|9.1806|7.1794|450
High Level|Makurdi|Makurdi|Benue|7.7322|8.5391|450
GRA|Maiduguri|Maiduguri|Borno|11.8333|13.1500|400
Sokoto|Sokoto|Sokoto North|Sokoto|13.0622|5.2339|350
GRA|Bauchi|Bauchi|Bauchi|10.3158|9.8442|350
Jimeta|Yola|Yola North|Adamawa|9.2794|12.4586|400
Gombe|Gombe|Gombe|Gombe|10.2897|11.1673|350
"""


def _read(table: str, state: str = "") -> list[Place]:
    places = []
    for line in table.strip().splitlines():
        area, city, lga, *rest = line.split("|")
        named, latitude, longitude, thousands = ([state] if state else []) + rest
        places.append(Place(area, city, lga, named, float(latitude), float(longitude), int(thousands) * 1000))
    return places


PLACES = (*_read(_LAGOS, "Lagos"), *_read(_FCT, "FCT"), *_read(_ELSEWHERE))
