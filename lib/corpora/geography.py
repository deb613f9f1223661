"""Countries by continent, to check one column of the metadata against the other.

Continents are those of Audio MNIST; countries have their common English names and follow the
regions of the United Nations (M49), under every continent that they are commonly assigned to.
"""

from __future__ import annotations

import re

__all__ = ["CONTINENTS", "continents_of"]

LISTS = {
    "Africa": """Algeria, Angola, Benin, Botswana, Burkina Faso, Burundi, Cameroon, Cape Verde,
        Central African Republic, Chad, Comoros, Congo, Djibouti, Egypt, Equatorial Guinea, Eritrea,
        Eswatini, Ethiopia, Gabon, Gambia, Ghana, Guinea, Guinea-Bissau, Ivory Coast, Kenya,
        Lesotho, Liberia, Libya, Madagascar, Malawi, Mali, Mauritania, Mauritius, Morocco,
        Mozambique, Namibia, Niger, Nigeria, Rwanda, Senegal, Seychelles, Sierra Leone, Somalia,
        South Africa, South Sudan, Sudan, Tanzania, Togo, Tunisia, Uganda, Zambia, Zimbabwe""",
    "Asia": """Afghanistan, Armenia, Azerbaijan, Bahrain, Bangladesh, Bhutan, Brunei, Cambodia,
        China, Cyprus, Egypt, Georgia, Hong Kong, India, Indonesia, Iran, Iraq, Israel, Japan,
        Jordan, Kazakhstan, Kuwait, Kyrgyzstan, Laos, Lebanon, Malaysia, Maldives, Mongolia,
        Myanmar, Nepal, North Korea, Oman, Pakistan, Palestine, Philippines, Qatar, Russia,
        Saudi Arabia, Singapore, South Korea, Sri Lanka, Syria, Taiwan, Tajikistan, Thailand,
        Timor-Leste, Turkey, Turkmenistan, United Arab Emirates, Uzbekistan, Vietnam, Yemen""",
    "Europe": """Albania, Andorra, Armenia, Austria, Azerbaijan, Belarus, Belgium,
        Bosnia and Herzegovina, Bulgaria, Croatia, Cyprus, Czech Republic, Czechia, Denmark,
        England, Estonia, Finland, France, Georgia, Germany, Greece, Hungary, Iceland, Ireland,
        Italy, Kazakhstan, Kosovo, Latvia, Liechtenstein, Lithuania, Luxembourg, Malta, Moldova,
        Monaco, Montenegro, Netherlands, North Macedonia, Northern Ireland, Norway, Poland,
        Portugal, Romania, Russia, San Marino, Scotland, Serbia, Slovakia, Slovenia, Spain, Sweden,
        Switzerland, Turkey, Ukraine, United Kingdom, Wales""",
    "North America": """Bahamas, Barbados, Belize, Canada, Costa Rica, Cuba, Dominica,
        Dominican Republic, El Salvador, Greenland, Grenada, Guatemala, Haiti, Honduras, Jamaica,
        Mexico, Nicaragua, Panama, Puerto Rico, Trinidad and Tobago, USA, United States""",
    "South America": """Argentina, Bolivia, Brazil, Chile, Colombia, Ecuador, Guyana, Paraguay,
        Peru, Suriname, Trinidad and Tobago, Uruguay, Venezuela""",
    "Oceania": """Australia, Fiji, Kiribati, Marshall Islands, Micronesia, Nauru, New Zealand,
        Palau, Papua New Guinea, Samoa, Solomon Islands, Tonga, Tuvalu, Vanuatu""",
    "Antarctica": "",
}
CONTINENTS = {
    continent: set(re.findall(r"[^,\s][^,]*", countries)) for continent, countries in LISTS.items()
}


def continents_of(country: str) -> list[str]:
    """Return the continents on which `country` lies; an empty list if it is unknown."""
    return [continent for continent, countries in CONTINENTS.items() if country in countries]
