"""The main job from its beginning to its end: people out of service and back, every expectation compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from cli.play import documents, facts
from cli.play.choosing import Chosen
from cli.play.steps import Play, Step
from models.audit import OutboxEvent
from models.storage import table_of
from repositories.engine import Database
from resolvers.administrators import reset_password
from resolvers.passwords import random_password

SIGNING_IN = 5  # of the people, on both surfaces
SURFACES = ("PORTAL", "AGENT_DESKTOP")
MOST_COLLEAGUES = 12
NOTE = "Played by rosterql demo."
NOT_TOLD: dict[str, Any] = {"reason": None, "removedTeams": [], "removedQueues": []}


class Story:
    """One play with one group of people.

    Attributes:
        ids: Global ids of the people.
        users: Those of them who also sign in.
    """

    def __init__(self, play: Play, database: Database, organization_id: UUID, people: Sequence[Chosen]) -> None:
        self._play = play
        self._database = database
        self._organization_id = organization_id
        self._people = people
        self.ids = [one.id for one in people]
        self.users = [one for one in people if not one.on_a_call][:SIGNING_IN]
        self._passwords = {one.id: random_password() for one in self.users}
        self._tokens: dict[tuple[str, str], str | None] = {}
        self._ended: list[str | None] = []
        self._before: dict[str, Any] = {}
        self._around: dict[str, Any] = {}
        self._colleagues: dict[str, Any] = {}
        self._calls: dict[str, Any] = {}
        self._seats: dict[str, int] = {}
        self._planned: dict[str, Any] = {}
        self._by_mistake: dict[str, Any] = {}
        self._operation = ""  # the last one

    async def run(self) -> None:
        """Play all steps.

        Raises:
            Stopped: An answer lacked what a step needs.
        """
        for act in (
            self._list,
            self._sign_in_before,
            self._look_before,
            self._plan,
            self._deactivate,
            self._are_out,
            self._surroundings_stand,
            self._old_sessions_are_dead,
            self._calls_are_there,
            self._lists_hide_them,
            self._deactivated_only,
            self._out_means_out,
            self._reactivate,
            self._are_back_without_teams,
            self._old_password_works,
            self._assign_again,
            self._are_as_before,
            self._force_offline,
            self._stay_where_they_belong,
            self._offline_means_out,
            self._resume,
            self._sign_in_again,
            self._take_colleagues_out,
            self._undo,
            self._history,
        ):
            await act()

    # Before

    async def _list(self) -> None:
        with self._play.step("List 25 agents") as step:
            nodes = await self._listed(step)
            step.expect("25 agents are listed", len(nodes), len(self.ids))
            step.expect("these agents", {node["id"] for node in nodes}, set(self.ids))
            step.expect("all of them are active", {node["status"] for node in nodes}, {"ACTIVE"})
            step.check("each is in a team", all(node["teams"]["totalCount"] for node in nodes))
            step.check("each has a direct queue", all(node["queues"]["totalCount"] for node in nodes))

    async def _listed(self, step: Step) -> list[dict[str, Any]]:
        answer = await step.ask(documents.LIST, filter={"id": {"in": self.ids}})
        nodes: list[dict[str, Any]] = answer.data["users"]["nodes"]
        return nodes

    async def _sign_in_before(self) -> None:
        """Each of a few gets a password the way people do, and a session on each surface."""
        single_use = {one.id: await reset_password(self._database, one.mail) for one in self.users}
        with self._play.step("Some of them sign in with a single-use password and change it") as step:
            for one in self.users:
                signed = await self._sign_in(step, one, "PORTAL", single_use[one.id])
                step.expect(f"{one.name} must change the password", signed["passwordChangeRequired"], True)
                terms = {"currentPassword": single_use[one.id], "newPassword": self._passwords[one.id]}
                changed = await step.ask(documents.CHANGE_PASSWORD, by=signed["token"], input=terms)
                step.expect(f"{one.name} changed it", changed.data["changePassword"]["errors"], [])
                self._tokens[one.id, "PORTAL"] = signed["token"]
        with self._play.step("They sign in on the agent desktop, too") as step:
            for one in self.users:
                signed = await self._sign_in(step, one, "AGENT_DESKTOP")
                step.expect(f"{one.name} is signed in", signed["errors"], [])
                self._tokens[one.id, "AGENT_DESKTOP"] = signed["token"]
        await self._sessions_work("Both sessions of each work, and who is on the desktop is there")

    async def _look_before(self) -> None:
        with self._play.step("Look at them as they are now") as step:
            self._before = await self._look(step, self.ids)
            step.expect("all are found by id", set(self._before), set(self.ids))
            step.expect("nobody is blocked", {one["signInBlock"] is None for one in self._before.values()}, {True})
        with self._play.step("Look at their teams, queues and colleagues") as step:
            self._around = await self._look_around(step)
            chosen = self._choose_colleagues()
            self._colleagues = await self._look(step, chosen)
            step.check("they have colleagues in the same teams and queues", len(self._colleagues) > 0)
        with self._play.step("Look at the calls that they took, and at the seats") as step:
            self._calls = await self._look_at_calls(step)
            self._seats = await self._count_seats(step)
            step.check("each took calls", all(one["callRecords"]["totalCount"] for one in self._calls.values()))

    def _choose_colleagues(self) -> list[str]:
        """Members of the same teams and queues who stay, a few of each."""
        chosen: dict[str, None] = {}
        for thing in self._around.values():
            members = (thing.get("members") or thing["direct"])["nodes"]
            others = [member["id"] for member in members if member["id"] not in self._before]
            chosen |= dict.fromkeys(others[:2])
        return list(chosen)[:MOST_COLLEAGUES]

    # Out

    async def _plan(self) -> None:
        """What would be done is shown first, and nothing of it is done."""
        terms = {"reason": "SEASONAL", "note": NOTE, "onActiveContact": "END_NOW", "dryRun": True}
        with self._play.step("Plan to deactivate them: a dry run") as step:
            payload = (await step.ask(documents.PLAN, input={"target": {"ids": self.ids}, **terms})).data[
                "deactivateUsers"
            ]
            step.expect("nothing stands against it", (payload["errors"], payload["failed"]), ([], []))
            self._planned = payload["operation"]
            step.expect("it is a plan", self._planned["dryRun"], True)
            self._expect_totals(
                step,
                self._planned["totals"],
                teamsLeft=sum(len(facts.teams(one)) for one in self._before.values()),
                queuesLeft=sum(len(facts.direct_queues(one)) for one in self._before.values()),
                sessionsEnded=sum(one["sessions"]["totalCount"] for one in self._before.values()),
                contactsEnded=len(self._open_calls()),
                seatsFreed=sum(one["effectiveLicense"] is not None for one in self._before.values()),
            )
            effects = {item["user"]["id"]: item["effects"] for item in self._planned["items"]["nodes"]}
            told = {key: "deactivated" in {each["description"] for each in effects[key]} for key in self.ids}
            step.expect("it tells for each what would be done", set(told.values()), {True})
        with self._play.step("Look at them: a plan changes nobody") as step:
            step.expect("all are as before", await self._look(step, self.ids), self._before)
            step.expect("all seats, too", await self._count_seats(step), self._seats)

    async def _deactivate(self) -> None:
        plan = {"planId": self._planned["id"]}
        with self._play.step("Execute the plan: deactivate them") as step:
            totals = await self._change(step, documents.DEACTIVATE, "deactivateUsers", plan)
            step.expect("what was shown is what was done", totals, self._planned["totals"])
            seats = await self._count_seats(step)
            freed = {name: self._seats[name] - granted for name, granted in seats.items()}
            licensed = [one["effectiveLicense"]["name"] for one in self._before.values() if one["effectiveLicense"]]
            step.expect("their seats are free", freed, {name: licensed.count(name) for name in self._seats})
        with self._play.step("Execute it once more") as step:
            payload = (await step.ask(documents.DEACTIVATE, input={"target": plan})).data["deactivateUsers"]
            codes = [error["code"] for error in payload["errors"]]
            step.expect("they have changed since: the plan is stale", codes, ["PLAN_STALE"])
            step.expect("nothing was done", payload["operation"], None)

    def _open_calls(self) -> set[str]:
        return {call["externalId"] for call in facts.all_calls(self._calls) if call["endedAt"] is None}

    async def _are_out(self) -> None:
        with self._play.step("Look at them again") as step:
            after = await self._look(step, self.ids)
            everybody = list(after.values())
            told = [one["deactivation"] or NOT_TOLD for one in everybody]
            step.expect("everybody is still found by id", set(after), set(self.ids))
            step.expect("all are deactivated", {one["status"] for one in everybody}, {"DEACTIVATED"})
            step.expect("nobody is in a team", sum(len(facts.teams(one)) for one in everybody), 0)
            step.expect("nobody has a queue", sum(len(facts.queues(one)) for one in everybody), 0)
            step.expect("all are offline", {one["presence"]["state"] for one in everybody}, {"OFFLINE"})
            step.expect("no session is open", sum(one["sessions"]["totalCount"] for one in everybody), 0)
            step.check("nobody holds a seat", all(one["effectiveLicense"] is None for one in everybody))
            step.expect("roles and profile are as before", facts.standing(after), facts.standing(self._before))
            step.expect("each has one version more", facts.versions(after), facts.versions(self._before, 1))
            step.expect("the reason is kept", {one["reason"] for one in told}, {"SEASONAL"})
            for field, what, held in (
                ("removedTeams", "the teams that they left are kept beside it", facts.teams),
                ("removedQueues", "the direct queues, too", facts.direct_queues),
            ):
                kept = [{each["id"] for each in one[field]} for one in told]
                step.expect(what, kept, [held(self._before[one["id"]]) for one in everybody])

    async def _surroundings_stand(self) -> None:
        with self._play.step("Look at the teams, queues and colleagues again") as step:
            after = await self._look_around(step)
            queues = facts.links(after, "queues")
            step.expect("every team keeps its queues", queues, facts.links(self._around, "queues"))
            step.expect("every queue keeps its teams", facts.links(after, "teams"), facts.links(self._around, "teams"))
            left = facts.how_many_have(self._before.values(), facts.teams)
            step.expect("teams lost them and nobody else", facts.members(after), facts.members(self._around, left))
            left = facts.how_many_have(self._before.values(), facts.queues)
            step.expect("queues lost them and nobody else", facts.agents(after), facts.agents(self._around, left))
            step.expect("colleagues are untouched", await self._look(step, list(self._colleagues)), self._colleagues)

    async def _old_sessions_are_dead(self) -> None:
        self._ended += self._tokens.values()
        await self._sessions_are_dead("Show their old sessions")

    async def _calls_are_there(self) -> None:
        with self._play.step("Look at their calls again") as step:
            await self._expect_calls(step)
            ended = {call["externalId"]: call["endedBy"] for call in facts.all_calls(await self._look_at_calls(step))}
            if went_on := self._open_calls():
                by = {ended[call] for call in went_on}
                step.expect("calls that went on were ended by it", by, {"DEACTIVATION"})
        with self._play.step("Ask for the calls of a team of one of them") as step:
            key, calls = next((key, one["callRecords"]["nodes"]) for key, one in self._calls.items())
            name = calls[0]["team"]["name"]
            team = next((key for key, one in self._around.items() if one["name"] == name), None)
            terms = {"user": {"eq": key}} | ({"team": {"eq": team}} if team is not None else {})
            found = (await step.ask(documents.CALLS_OF_A_TEAM, filter=terms)).data["callRecords"]["nodes"]
            wanted = {call["externalId"] for call in calls if team is None or call["team"]["name"] == name}
            step.expect("the team's calls are all there", {call["externalId"] for call in found}, wanted)
            who = {(call["user"]["id"], call["user"]["status"]) for call in found}
            step.expect("each leads to its agent, who is deactivated", who, {(key, "DEACTIVATED")})

    async def _expect_calls(self, step: Step) -> None:
        after = await self._look_at_calls(step)
        counts = {key: one["callRecords"]["totalCount"] for key, one in after.items()}
        before = {key: one["callRecords"]["totalCount"] for key, one in self._calls.items()}
        step.expect("no call is lost", counts, before)
        step.expect("each keeps its agent, team and queue", facts.call_facts(after), facts.call_facts(self._calls))

    async def _lists_hide_them(self) -> None:
        with self._play.step("List them the way dashboards do") as step:
            answer = await step.ask(documents.LIST, filter={"id": {"in": self.ids}})
            step.expect("nobody is listed", answer.data["users"]["nodes"], [])
            step.expect("and the list tells", answer.data["users"]["hiddenDeactivatedCount"], len(self.ids))

    async def _deactivated_only(self) -> None:
        with self._play.step("List deactivated people only, the latest first") as step:
            nodes = (await step.ask(documents.DEACTIVATED_ONLY)).data["users"]["nodes"]
            step.expect("they lead the list", {node["id"] for node in nodes}, set(self.ids))
            step.expect("nobody else is in it", {node["status"] for node in nodes}, {"DEACTIVATED"})

    async def _out_means_out(self) -> None:
        await self._sign_in_is_refused("Try to sign in with the right passwords")

    # Back

    async def _reactivate(self) -> None:
        mails = await self._mails()
        with self._play.step("Reactivate them") as step:
            self._expect_totals(step, await self._change(step, documents.REACTIVATE, "reactivateUsers", note=NOTE))
            step.expect("their seats are taken again", await self._count_seats(step), self._seats)
            step.expect("nobody gets a mail", await self._mails(), mails)

    async def _mails(self) -> int:
        """Mails that wait to be sent; callers do not see the outbox."""
        table = table_of(OutboxEvent).c
        statement = select(func.count()).where(
            table.organization_id == self._organization_id, table.kind.startswith("mail.")
        )
        async with self._database.reading() as connection:
            return int((await connection.execute(statement)).scalar_one())

    async def _are_back_without_teams(self) -> None:
        with self._play.step("Look at them again") as step:
            back = await self._look(step, self.ids)
            everybody = list(back.values())
            step.expect("all are active", {one["status"] for one in everybody}, {"ACTIVE"})
            step.check("no deactivation is told any more", all(one["deactivation"] is None for one in everybody))
            step.expect("nobody is in a team", sum(len(facts.teams(one)) for one in everybody), 0)
            step.expect("nobody has a direct queue", sum(len(facts.direct_queues(one)) for one in everybody), 0)
            step.expect("all are offline", {one["presence"]["state"] for one in everybody}, {"OFFLINE"})
            licenses = {key: one["effectiveLicense"] for key, one in back.items()}
            before = {key: one["effectiveLicense"] for key, one in self._before.items()}
            step.expect("each has the license from before", licenses, before)
            step.expect("roles and profile are as before", facts.standing(back), facts.standing(self._before))
            by_skill = {key: facts.queues_by(one, "SKILL_GROUP") for key, one in back.items()}
            before = {key: facts.queues_by(one, "SKILL_GROUP") for key, one in self._before.items()}
            step.expect("queues of their skill groups count again", by_skill, before)
        with self._play.step("Look at their calls once more") as step:
            await self._expect_calls(step)

    async def _old_password_works(self) -> None:
        with self._play.step("Sign in with the passwords from before") as step:
            await self._sign_in_everywhere(step)
        await self._sessions_are_dead("The sessions from before stay dead")

    async def _assign_again(self) -> None:
        for title, document, mutation, field, held in (
            ("Assign their teams again", documents.ASSIGN_TEAMS, "assignTeams", "teams", facts.teams),
            (
                "Assign their direct queues again",
                documents.ASSIGN_QUEUES,
                "assignQueues",
                "queues",
                facts.direct_queues,
            ),
        ):
            with self._play.step(title) as step:
                for thing in sorted({each for one in self._before.values() for each in held(one)}):
                    whom = [key for key, one in self._before.items() if thing in held(one)]
                    totals = await self._change(step, document, mutation, {"ids": whom}, **{field: {"add": [thing]}})
                    name = self._around[thing]["name"]
                    step.expect(f"{name} has its {len(whom)} again", totals["succeeded"], len(whom))

    async def _are_as_before(self) -> None:
        with self._play.step("Look at them, their teams and queues again") as step:
            after = await self._look(step, self.ids)
            for what, held in (("teams", facts.teams), ("queues, each the same ways", facts.ways)):
                now, before = ({key: held(one) for key, one in people.items()} for people in (after, self._before))
                step.expect(f"each has the same {what}", now, before)
            around = await self._look_around(step)
            step.expect("teams have all members again", facts.members(around), facts.members(self._around))
            step.expect("queues have all agents again", facts.agents(around), facts.agents(self._around))

    # Offline, and back

    async def _force_offline(self) -> None:
        with self._play.step("Force them offline") as step:
            terms: dict[str, Any] = {"reason": "SECURITY", "note": NOTE}
            totals = await self._change(step, documents.FORCE_OFFLINE, "forceUsersOffline", **terms)
            self._expect_totals(step, totals, sessionsEnded=len(self._tokens), teamsLeft=0, queuesLeft=0, seatsFreed=0)

    async def _stay_where_they_belong(self) -> None:
        with self._play.step("Look at them again") as step:
            after = await self._look(step, self.ids)
            everybody = list(after.values())
            step.expect(
                "all are blocked", {(one["signInBlock"] or {}).get("reason") for one in everybody}, {"SECURITY"}
            )
            step.expect("and active all the same", {one["status"] for one in everybody}, {"ACTIVE"})
            step.expect("all are offline", {one["presence"]["state"] for one in everybody}, {"OFFLINE"})
            step.expect("no session is open", sum(one["sessions"]["totalCount"] for one in everybody), 0)
            for what, held in (("teams", facts.teams), ("queues", facts.ways)):
                now, before = ({key: held(one) for key, one in people.items()} for people in (after, self._before))
                step.expect(f"each keeps all {what}", now, before)
            around = await self._look_around(step)
            step.expect("teams keep them as members", facts.members(around), facts.members(self._around))
            barred = facts.how_many_have(self._before.values(), facts.queues)
            step.expect("queues count them no more", facts.agents(around), facts.agents(self._around, barred))

    async def _offline_means_out(self) -> None:
        self._ended = list(self._tokens.values())
        await self._sessions_are_dead("Show their sessions")
        await self._sign_in_is_refused("Try to sign in with the right passwords")

    async def _resume(self) -> None:
        with self._play.step("Resume them online") as step:
            self._expect_totals(step, await self._change(step, documents.RESUME, "resumeUsersOnline", note=NOTE))
            after = await self._look(step, self.ids)
            step.expect("no block is left", {one["signInBlock"] is None for one in after.values()}, {True})
            step.expect("nobody was signed in by it", sum(one["sessions"]["totalCount"] for one in after.values()), 0)
        await self._sessions_are_dead("The sessions from before stay dead")

    async def _sign_in_again(self) -> None:
        with self._play.step("Sign in once more") as step:
            await self._sign_in_everywhere(step)
        await self._sessions_work("The new sessions work")
        with self._play.step("Sign them out: the day is over") as step:
            whom = [one.id for one in self.users]
            totals = await self._change(step, documents.SIGN_OUT, "signOutUsers", {"ids": whom})
            step.expect("their sessions ended", totals["sessionsEnded"], len(self._tokens))
        with self._play.step("Look at the colleagues a last time") as step:
            step.expect("they are untouched", await self._look(step, list(self._colleagues)), self._colleagues)

    # Taken back

    async def _take_colleagues_out(self) -> None:
        with self._play.step("Deactivate some of the colleagues by a filter, if they are as many as expected") as step:
            colleagues = {"id": {"in": list(self._colleagues)}, "role": {"eq": "AGENT"}, "protected": False}
            nodes = (await step.ask(documents.LIST, filter=colleagues)).data["users"]["nodes"]
            self._by_mistake = await self._look(step, [node["id"] for node in nodes])
            step.check("there are some", len(self._by_mistake) > 0)
            whom = {"matching": {"filter": colleagues, "expectedCount": len(self._by_mistake) + 1}}
            refused = (await step.ask(documents.DEACTIVATE, input={"target": whom})).data["deactivateUsers"]
            codes = [error["code"] for error in refused["errors"]]
            step.expect("nothing is done when they are not", codes, ["COUNT_MISMATCH"])
            whom["matching"]["expectedCount"] = len(self._by_mistake)
            totals = await self._change(step, documents.DEACTIVATE, "deactivateUsers", whom, note=NOTE)
            step.expect(f"all succeeded: {len(self._by_mistake)}", totals["succeeded"], len(self._by_mistake))
        with self._play.step("Look at them") as step:
            out = list((await self._look(step, list(self._by_mistake))).values())
            step.expect("all are deactivated", {one["status"] for one in out}, {"DEACTIVATED"})
            step.expect("nobody is in a team", sum(len(facts.teams(one)) for one in out), 0)

    async def _undo(self) -> None:
        with self._play.step("It was a mistake: take the operation back") as step:
            payload = (await step.ask(documents.UNDO, input={"id": self._operation})).data["undoBulkOperation"]
            step.expect("it is taken back for all", (payload["errors"], payload["failed"]), ([], []))
            totals = payload["operation"]["totals"]
            step.expect(f"all succeeded: {len(self._by_mistake)}", totals["succeeded"], len(self._by_mistake))
        with self._play.step("Look at them, their teams and queues again") as step:
            back, before = await self._look(step, list(self._by_mistake)), self._by_mistake
            step.expect("all are active", {one["status"] for one in back.values()}, {"ACTIVE"})
            for what, held in (("teams", facts.teams), ("queues, each the same ways", facts.ways)):
                now, then = ({key: held(one) for key, one in people.items()} for people in (back, before))
                step.expect(f"each has the same {what}", now, then)
            now, then = ({key: one["effectiveLicense"] for key, one in people.items()} for people in (back, before))
            step.expect("each has the same license", now, then)
            step.expect("roles and profile are as before", facts.standing(back), facts.standing(before))
            step.expect("nobody was signed in by it", sum(one["sessions"]["totalCount"] for one in back.values()), 0)
            around = await self._look_around(step)
            step.expect("teams have all members again", facts.members(around), facts.members(self._around))
            step.expect("queues have all agents again", facts.agents(around), facts.agents(self._around))

    async def _history(self) -> None:
        with self._play.step("Read what was recorded of one of them") as step:
            nodes = (await step.ask(documents.HISTORY, id=self.ids[0])).data["user"]["auditEvents"]["nodes"]
            acts = [node["action"] for node in reversed(nodes) if node["operation"] is not None]
            wanted = ["DEACTIVATED", "REACTIVATED", "ASSIGNED", "FORCED_OFFLINE", "RESUMED_ONLINE"]
            acts = acts[len(acts) - acts[::-1].index("DEACTIVATED") - 1 :]
            told = [act for act in dict.fromkeys(acts) if act in wanted]
            step.expect("every change is told, in its order", told, wanted)

    # What several steps do

    async def _look(self, step: Step, ids: Sequence[str]) -> dict[str, Any]:
        nodes = (await step.ask(documents.PEOPLE, ids=list(ids))).data["nodes"]
        return {node["id"]: node for node in nodes if node}

    async def _look_around(self, step: Step) -> dict[str, Any]:
        ids = sorted({each for one in self._before.values() for each in (*facts.teams(one), *facts.queues(one))})
        nodes = (await step.ask(documents.AROUND, ids=ids)).data["nodes"]
        return {node["id"]: node for node in nodes if node}

    async def _look_at_calls(self, step: Step) -> dict[str, Any]:
        nodes = (await step.ask(documents.CALLS, ids=self.ids)).data["nodes"]
        return {node["id"]: node for node in nodes if node}

    async def _count_seats(self, step: Step) -> dict[str, int]:
        nodes = (await step.ask(documents.SEATS)).data["licenses"]["nodes"]
        return {node["name"]: node["seats"]["granted"] for node in nodes}

    async def _change(
        self, step: Step, document: str, mutation: str, target: Mapping[str, Any] | None = None, **terms: Any
    ) -> dict[str, int]:
        """Send a bulk mutation, to all of them unless told otherwise; the totals of its operation."""
        whom = {"ids": list(self.ids)} if target is None else target
        payload = (await step.ask(document, input={"target": whom, **terms})).data[mutation]
        step.expect("it is done for everybody", (payload["errors"], payload["failed"]), ([], []))
        self._operation = payload["operation"]["id"]
        totals: dict[str, int] = payload["operation"]["totals"]
        return totals

    def _expect_totals(self, step: Step, totals: Mapping[str, int], **further: int) -> None:
        words = {
            "succeeded": "all succeeded",
            "unchanged": "nothing was done already",
            "teamsLeft": "teams left",
            "queuesLeft": "direct queues left",
            "sessionsEnded": "sessions ended",
            "contactsEnded": "calls ended",
            "seatsFreed": "seats freed",
        }
        for name, count in {"succeeded": len(self.ids), "unchanged": 0, **further}.items():
            step.expect(f"{words[name]}: {count}", totals[name], count)

    async def _sign_in(self, step: Step, one: Chosen, surface: str, password: str | None = None) -> dict[str, Any]:
        terms = {"email": one.mail, "password": password or self._passwords[one.id], "surface": surface}
        payload: dict[str, Any] = (await step.ask(documents.SIGN_IN, by=None, input=terms)).data["signIn"]
        return payload

    async def _each_signs_in(self, step: Step, look: Callable[[Chosen, str, Any], None]) -> None:
        for one in self.users:
            for surface in SURFACES:
                look(one, surface, await self._sign_in(step, one, surface))

    async def _sign_in_everywhere(self, step: Step) -> None:
        self._tokens = {}

        def note(one: Chosen, surface: str, signed: Any) -> None:
            self._tokens[one.id, surface] = signed["token"]
            step.check(f"{one.name} is in, on the {_worded(surface)}", bool(signed["token"]) and not signed["errors"])

        await self._each_signs_in(step, note)

    async def _sign_in_is_refused(self, title: str) -> None:
        with self._play.step(title) as step:

            def note(one: Chosen, surface: str, signed: Any) -> None:
                said = (signed["token"], [error["code"] for error in signed["errors"]])
                step.expect(f"{one.name} is refused on the {_worded(surface)}", said, (None, ["SIGN_IN_REFUSED"]))

            await self._each_signs_in(step, note)

    async def _sessions_work(self, title: str) -> None:
        with self._play.step(title) as step:
            for (key, surface), token in self._tokens.items():
                viewer = (await step.ask(documents.VIEWER, by=token)).data["viewer"]
                opened = (viewer["actor"].get("id"), (viewer["session"] or {}).get("surface"))
                step.expect(f"{viewer['actor']['displayName']} on the {_worded(surface)}", opened, (key, surface))
                if surface == "AGENT_DESKTOP":
                    step.expect("… and there", viewer["actor"]["presence"]["state"], "UNAVAILABLE")

    async def _sessions_are_dead(self, title: str) -> None:
        with self._play.step(title) as step:
            answers = [await step.ask(documents.VIEWER, by=token) for token in self._ended]
            step.check("there are sessions to show", len(answers) > 0 and None not in self._ended)
            codes = [answer.codes for answer in answers]
            step.expect(f"none of {len(answers)} opens anything", codes, [["UNAUTHENTICATED"]] * len(answers))


def _worded(surface: str) -> str:
    return surface.lower().replace("_", " ")
