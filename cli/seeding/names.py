"""Names of the people in the demo organization, in the languages of those who asked for the program."""

from __future__ import annotations

from dataclasses import dataclass

from models.text import fold


@dataclass(frozen=True, slots=True)
class Language:
    """A language that people of the demo organization speak.

    Attributes:
        name: Name of the language in itself, which is also that of its skill group.
        locale: Language of their mails (requirement E13).
        weight: How many speak it, beside the others.
        spelled: Spelling of the names in mail addresses, for those who cannot be spelled by leaving accents out.
    """

    name: str
    locale: str
    time_zone: str
    country_code: str
    weight: int
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    spelled: dict[str, str]

    def latin(self, name: str) -> str:
        """A name in the letters of mail addresses."""
        if name in self.spelled:
            return self.spelled[name]
        text = fold("".join(_LETTERS.get((self.locale, c), c) for c in name.casefold()))
        return "".join(c for c in text if c.isascii() and c.isalnum())


# What a German keyboard makes of umlauts where there is none.
_LETTERS = {("de", "ä"): "ae", ("de", "ö"): "oe", ("de", "ü"): "ue"}

_HAN_FIRST = {
    "芳": "fang",
    "伟": "wei",
    "秀英": "xiuying",
    "娜": "na",
    "敏": "min",
    "静": "jing",
    "强": "qiang",
    "磊": "lei",
    "洋": "yang",
    "艳": "yan",
    "勇": "yong",
    "军": "jun",
    "杰": "jie",
    "涛": "tao",
    "明": "ming",
    "雪": "xue",
    "浩然": "haoran",
    "思雨": "siyu",
    "子涵": "zihan",
    "梓萱": "zixuan",
}
_HAN_LAST = {
    "王": "wang",
    "李": "li",
    "张": "zhang",
    "刘": "liu",
    "陈": "chen",
    "杨": "yang",
    "黄": "huang",
    "赵": "zhao",
    "吴": "wu",
    "周": "zhou",
    "徐": "xu",
    "孙": "sun",
    "马": "ma",
    "朱": "zhu",
    "胡": "hu",
    "林": "lin",
    "郭": "guo",
    "何": "he",
    "欧阳": "ouyang",
    "司马": "sima",
}

GERMAN = Language(
    name="Deutsch",
    locale="de",
    time_zone="Europe/Berlin",
    country_code="+4930",
    weight=30,
    first_names=tuple(
        "Anke Björn Claudia Dörte Emre Franziska Günther Heike İlkay Jürgen Käthe Lukas Márta Niklas Özlem Petra "
        "Quirin Rüdiger Sören Tanja Ulrike Volker Wiebke Yannick Zoë Jörg Bärbel Hans-Peter Änne Matthias".split()
    ),
    last_names=tuple(
        "Schmidt Müller Weiß Schäfer Köhler Krüger Böhm Groß Jäger Lüdemann Nußbaum Öztürk Pfeiffer Rößler Schröder "
        "Süß Thüringer Übelacker Vößing Wagner Yılmaz Zöllner Bäcker Hölderlin Großmann Lindner Fuchs Kühn "
        "Meyer-Landrut Nowak".split()
    ),
    spelled={"İlkay": "ilkay", "Yılmaz": "yilmaz"},
)
FRENCH = Language(
    name="Français",
    locale="fr",
    time_zone="Europe/Paris",
    country_code="+334",
    weight=18,
    first_names=tuple(
        "Amélie Benoît Chloé Désiré Élise François Gaëlle Hélène Inès Jérôme Léa Maëlys Noémie Océane Pénélope "
        "Raphaël Sébastien Théo Valérie Zoé Anaïs Cédric Joël Loïc Anne-Laure Jean-Baptiste Aïcha Karim".split()
    ),
    last_names=tuple(
        "Lefèvre Dubois Garçon Béranger Côté Desprès Forêt Gérard Héroux Lacroix Mérimée Noël Périer Renaud "
        "Saint-Exupéry Thévenot Vallée Bérénger D'Aubigné Gonçalves Benoît Chrétien Lémieux Moreau Roche "
        "Benkhelifa".split()
    ),
    spelled={},
)
ITALIAN = Language(
    name="Italiano",
    locale="it",
    time_zone="Europe/Rome",
    country_code="+3902",
    weight=12,
    first_names=tuple(
        "Alessia Bruno Chiara Dario Elena Fabrizio Giulia Ilaria Luca Matteo Niccolò Ornella Paolo Rossella Salvatore "
        "Tommaso Umberto Valentina Noè Giosuè Sofia Gennaro".split()
    ),
    last_names=tuple(
        "Rossi Bianchi Esposito Colombo D'Angelo Ferrari Gallo Locascio Mancini Nicolò Conti De'Medici Ricci "
        "Testa Cantù Viganò Dell'Acqua Moretti Barbieri Forlì Greco".split()
    ),
    spelled={},
)
SWEDISH = Language(
    name="Svenska",
    locale="sv",
    time_zone="Europe/Stockholm",
    country_code="+4631",
    weight=14,
    first_names=tuple(
        "Åsa Björn Cecilia Desirée Elin Fredrik Göran Håkan Ingrid Jörgen Kerstin Linnéa Märta Nils Örjan Pär Rickard "
        "Sigrid Torbjörn Ulla Viktor Ylva Åke Östen Maj-Britt Lars-Åke".split()
    ),
    last_names=tuple(
        "Lindqvist Åberg Nyström Öberg Sjöström Bergström Dahlgren Ekström Forsén Gullbrandsen Hägg Löfgren Mårtensson "
        "Norén Pålsson Rönnbäck Söderström Törnqvist Wallén Åkesson Östlund Lindén".split()
    ),
    spelled={},
)
ENGLISH = Language(
    name="English",
    locale="en",
    time_zone="Europe/Dublin",
    country_code="+3531",
    weight=16,
    first_names=tuple(
        "Aoife Brendan Charlotte Declan Emily Finn Grace Harriet Imogen Jack Keira Liam Maeve Niamh Oscar Poppy Rory "
        "Saoirse Theo Una William Zara Siân Seán Chloë Renée Mary-Kate".split()
    ),
    last_names=tuple(
        "Smith O'Neill Murphy Byrne Clarke Doyle Fitzgerald Gallagher Hughes Kavanagh Lynch McCarthy Nolan O'Brien "
        "Patel Quinn Reilly Smyth Taylor Walsh Brontë Ó'Súilleabháin Fernández Nuñez Taylor-Joy".split()
    ),
    spelled={},
)
CHINESE = Language(
    name="中文",
    locale="en",
    time_zone="Asia/Shanghai",
    country_code="+8621",
    weight=10,
    first_names=tuple(_HAN_FIRST),
    last_names=tuple(_HAN_LAST),
    spelled={**_HAN_FIRST, **_HAN_LAST},
)

LANGUAGES = (GERMAN, FRENCH, ITALIAN, SWEDISH, ENGLISH, CHINESE)
