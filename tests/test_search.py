"""Searching: every word typed is in a person or a name, whatever case and accents; a short one begins a word there."""

from __future__ import annotations

import pytest

from tests.editing import update
from tests.gateway import Gateway
from tests.people import Staff
from tests.reading import OF_THINGS, connection, maker, names, refusal

pytestmark = pytest.mark.anyio

EVERYBODY = ["Élise Müller", "Jan Weiß", "Łukasz Ångström", "O'Neill Shaw", "Sara de la Cruz"]

# What is typed, and who of them is found; everybody has the mail address of `MAILS`.
SEARCHES: list[tuple[str | None, list[str]]] = [
    ("elise", EVERYBODY[:1]),
    ("ÉLISE", EVERYBODY[:1]),
    ("e\u0301lise", EVERYBODY[:1]),
    ("éli", EVERYBODY[:1]),
    ("lise", EVERYBODY[:1]),
    ("ise", EVERYBODY[:1]),
    ("is", []),
    ("el", EVERYBODY[:1]),
    ("ller lis", EVERYBODY[:1]),
    ("ngströ", EVERYBODY[2:3]),
    ("hAw.exAmple", EVERYBODY[3:4]),
    ('"shaw"', EVERYBODY[3:4]),
    ('sh"aw', []),
    ("shaw OR ann", []),
    ("shaw*", EVERYBODY[3:4]),
    ("sh*aw", []),
    ("muller", EVERYBODY[:1]),
    ("MÜLL", EVERYBODY[:1]),
    ("ｍüller", EVERYBODY[:1]),
    ("müller élise", EVERYBODY[:1]),
    ("mü él", EVERYBODY[:1]),
    ("Müller, Élise", EVERYBODY[:1]),
    ("  müller\t élise ", EVERYBODY[:1]),
    ("müller jan", []),
    ("weiss", EVERYBODY[1:2]),
    ("WEISS", EVERYBODY[1:2]),
    ("weiß", EVERYBODY[1:2]),
    ("WEIẞ", EVERYBODY[1:2]),
    ("angstrom", EVERYBODY[2:3]),
    ("łukasz", EVERYBODY[2:3]),
    ("o'neill", EVERYBODY[3:4]),
    ("O'N", EVERYBODY[3:4]),
    ("neill", EVERYBODY[3:4]),
    ("oneill", []),
    ("de la", EVERYBODY[4:]),
    ("cruz de", EVERYBODY[4:]),
    ("rex", EVERYBODY[1:2]),
    ("boss@", EVERYBODY[3:4]),
    ("boss@shaw.example", EVERYBODY[3:4]),
    ("boss@SHAW.ex", EVERYBODY[3:4]),
    ("shaw.example", EVERYBODY[3:4]),
    ("AG-77", EVERYBODY[:1]),
    ("ag-7", EVERYBODY[:1]),
    ("77", EVERYBODY[:1]),
    ("emp/0042", EVERYBODY[1:2]),
    ("0042", EVERYBODY[1:2]),
    ("4711", EVERYBODY[2:3]),
    ("jan rex 0042", EVERYBODY[1:2]),
    ("100%", []),
    ("%", []),
    ("_", []),
    ("\\", []),
    ("*", []),
    ("'", []),
    ("e_ise", []),
    ("", EVERYBODY),
    ("   ", EVERYBODY),
    (None, EVERYBODY),
]


async def test_people_are_found_by_parts_of_words(gateway: Gateway, staff: Staff) -> None:
    """B6: name, nickname, mail, extension, agent number, external id; regardless of case and accents."""
    await staff.hire("Élise Müller", agent_number="AG-77", email="a@x.example", external_id="-")
    await staff.hire("Jan Weiß", nickname="Rex", email="b@x.example", external_id="EMP/0042", agent_number="-1")
    phoned = await staff.hire("Łukasz Ångström", email="c@x.example", external_id="--", agent_number="-2")
    await staff.hire("O'Neill Shaw", email="Boss@Shaw.example", external_id="---", agent_number="-3")
    await staff.hire("Sara de la Cruz", email="d@x.example", external_id="----", agent_number="-4")
    await update(gateway, phoned, extension="4711")
    filter = {"role": {"eq": "AGENT"}}

    found = [
        (typed, sorted(await names(gateway, "users", search=typed, filter=filter), key=by_first))
        for typed, _ in SEARCHES
    ]

    assert found == SEARCHES


def by_first(name: str) -> int:
    return EVERYBODY.index(name)


async def test_a_search_filters_and_keeps_the_order_and_the_other_conditions(gateway: Gateway, staff: Staff) -> None:
    """B6, A21: deactivated people are found where they are asked for."""
    north = await staff.site()
    for name in ("Smith Cid", "Anna Smith", "Bob Smithers", "Zoe Smith"):
        await staff.hire(name, site=north if name != "Zoe Smith" else None)
    gone = await staff.hire("Amy Smith", site=north)
    await gateway.execute("UPDATE users SET status = 1 WHERE id = :id", id=gateway.key_parameter(gone.key))
    at_north = {"filter": {"site": {"eq": north.id}}}

    assert await names(gateway, "users", search="smith") == ["Anna Smith", "Bob Smithers", "Smith Cid", "Zoe Smith"]
    assert await names(gateway, "users", search="smith", **at_north) == ["Anna Smith", "Bob Smithers", "Smith Cid"]
    backwards = [{"field": "DISPLAY_NAME", "direction": "DESC"}]
    assert await names(gateway, "users", search="smith", orderBy=backwards, first=2) == ["Zoe Smith", "Smith Cid"]
    assert "Amy Smith" in await names(gateway, "users", search="amy", includeDeactivated=True)
    counted = "totalCount hiddenDeactivatedCount nodes { id }"
    found = await connection(gateway, "users", counted, search="smith", first=1, **at_north)
    assert (found["totalCount"], found["hiddenDeactivatedCount"], len(found["nodes"])) == (3, 1, 1)


async def test_what_was_renamed_is_found_by_its_new_name_only(gateway: Gateway, staff: Staff) -> None:
    """B6, C9."""
    person = await staff.hire("Maria Rossi", email="m@x.example")
    await update(gateway, person, lastName="Bianchi")
    assert await names(gateway, "users", search="bianchi maria") == ["Maria Bianchi"]
    assert await names(gateway, "users", search="rossi") == []


@pytest.mark.parametrize("name", OF_THINGS)
async def test_things_are_found_by_parts_of_the_words_of_their_name(gateway: Gateway, staff: Staff, name: str) -> None:
    make = maker(staff, name)
    for called in ("Köln-Süd (Übergabe)", "Billing/EU & 100%", "O'Neill's own", "Zürich"):
        await make(called)
    await make("Zürich alt", active=False)
    searches = [
        ("koln", ["Köln-Süd (Übergabe)"]),
        ("SÜD", ["Köln-Süd (Übergabe)"]),
        ("überg köln", ["Köln-Süd (Übergabe)"]),
        ("köln-s", ["Köln-Süd (Übergabe)"]),
        ("eu", ["Billing/EU & 100%"]),
        ("100%", ["Billing/EU & 100%"]),
        ("neill's", ["O'Neill's own"]),
        ("oln", ["Köln-Süd (Übergabe)"]),
        ("ln", []),
        ("üb", ["Köln-Süd (Übergabe)"]),
        ("%", []),
        ("zur", ["Zürich"]),
    ]
    assert [(typed, await names(gateway, name, search=typed)) for typed, _ in searches] == searches
    assert await names(gateway, name, search="zürich", includeInactive=True) == ["Zürich", "Zürich alt"]


@pytest.mark.parametrize("name", ["users", *OF_THINGS])
async def test_a_search_that_nobody_types_is_refused(sqlite_gateway: Gateway, name: str) -> None:
    assert await refusal(sqlite_gateway, name, search="a" * 201) == ("BAD_USER_INPUT", ["search"], 200)
    assert (await refusal(sqlite_gateway, name, search="a\0"))[:2] == ("BAD_USER_INPUT", ["search"])
    # Twice as long when folded, of two hundred characters, and of a hundred words.
    for typed in ("ﷺ" * 200, "x " * 100):
        assert await names(sqlite_gateway, name, search=typed) == []
