"""Who acts: a person with roles, the public, or the portal itself.

A role comes from membership in an organisation (``docs/roles.md`` shows all in one table). A CKAN
sysadmin has none, not even by membership (R-ROLE-03): CKAN makes who creates an organisation its
administrator, and the operator, who creates them all, would decide every case and read every file.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, cast

import sqlalchemy as sa
from ckan import model

from . import orgs


class Role(StrEnum):
    """A right that an organisation's member has for that organisation."""

    EDITOR = "editor"
    """Keeps the catalogue and the files (R6)."""
    REVIEWER = "reviewer"
    """Decides the cases of the department (R28)."""
    AUTHORITY = "authority"
    """Reviews and supervises as the public-data authority of the region (R7)."""
    AUDITOR = "auditor"
    """Reads, decides nothing (R29¶1)."""


CAPACITIES: dict[str, tuple[Role, ...]] = {
    "admin": (Role.EDITOR, Role.REVIEWER),
    "editor": (Role.EDITOR,),
    "reviewer": (Role.REVIEWER,),
    "auditor": (Role.AUDITOR,),
    "member": (),
}
"""Roles that a CKAN capacity in an organisation brings."""

DECIDING = (Role.REVIEWER,)


@dataclass(frozen=True)
class Membership:
    """One active membership of a person in an organisation."""

    org_id: str
    capacity: str
    is_authority: bool
    region_code: str
    """Empty when the organisation states none: its members oversee nothing."""

    @property
    def roles(self) -> tuple[Role, ...]:
        """Return the roles this membership brings; a reviewer of an authority acts as authority."""
        roles = CAPACITIES.get(self.capacity, ())
        if self.is_authority and Role.REVIEWER in roles:
            return (*roles, Role.AUTHORITY)
        return roles


@dataclass(frozen=True)
class Actor:
    """Somebody who asks for something. Roles are read from the database once per actor."""

    kind: str
    user_id: str | None = None
    name: str = ""
    address: str | None = field(default=None, compare=False)
    """Network address; personal data, never in hashed bytes."""
    case_id: str | None = None
    """Case whose secret query code this visitor has shown."""
    grant_id: str | None = None
    """Grant to which the token of a program is bound: it opens that and nothing else."""

    @classmethod
    def system(cls) -> Actor:
        """Return the portal itself, which fires what the clock makes due."""
        return cls("system", name="system")

    @classmethod
    def anonymous(cls, address: str | None = None) -> Actor:
        """Return a visitor without an account."""
        return cls("anonymous", address=address)

    @classmethod
    def person(cls, user: Any, address: str | None = None) -> Actor:
        """Return the person behind an account (anything with ``id`` and ``name``)."""
        return cls("person", user_id=user.id, name=user.name, address=address)

    def with_code_of(self, case_id: str) -> Actor:
        """Return this visitor as somebody who knows the secret code of a case."""
        return replace(self, case_id=case_id)

    @property
    def is_system(self) -> bool:
        """Say whether the portal itself acts."""
        return self.kind == "system"

    @cached_property
    def memberships(self) -> tuple[Membership, ...]:
        """Return the active memberships; none for the public and the system."""
        return read_memberships(self.user_id) if self.user_id and self.grant_id is None else ()

    def orgs(self, role: Role) -> frozenset[str]:
        """Return the ids of the organisations for which this actor has a role."""
        return frozenset(m.org_id for m in self.memberships if role in m.roles)

    def has(self, role: Role, org_id: str | None) -> bool:
        """Say whether this actor has a role for an organisation."""
        return org_id is not None and org_id in self.orgs(role)

    def regions(self, role: Role) -> frozenset[str]:
        """Return the region codes (GB/T 2260) in which this actor has a role."""
        return frozenset(m.region_code for m in self.memberships if m.region_code and role in m.roles)

    @property
    def oversight(self) -> frozenset[str]:
        """Return the region codes that this actor oversees, as authority (R7) or auditor (R29¶1)."""
        return self.regions(Role.AUTHORITY) | self.regions(Role.AUDITOR)

    @property
    def has_desk(self) -> bool:
        """Say whether this actor works for a department: decides its cases or keeps its entries."""
        return bool(self.orgs(Role.REVIEWER) or self.orgs(Role.EDITOR))

    @cached_property
    def operates(self) -> bool:
        """Whether this actor runs the portal: a sysadmin, by session or by a token bound to no grant."""
        user: Any = model.Session.get(model.User, self.user_id) if self.user_id else None
        return bool(user and user.sysadmin and user.state == model.State.ACTIVE and self.grant_id is None)

    def covers(self, role: Role, region_code: str | None) -> bool:
        """Say whether a role reaches a region: the autonomous region all, a league-city its banners too."""
        return not self.regions(role).isdisjoint(orgs.above(region_code))


def read_memberships(user_id: str) -> tuple[Membership, ...]:
    """Read a person's active memberships in active organisations."""
    member, user = cast(Any, model.Member), cast(Any, model.User)
    query = (
        orgs.active()
        .with_only_columns(orgs.GROUP.id, member.capacity, orgs.ROLE, orgs.REGION_CODE)
        .join(member, member.group_id == orgs.GROUP.id)
        .join(user, user.id == member.table_id)
        .where(member.table_name == "user", user.id == user_id, member.state == "active")
        .where(user.sysadmin.is_not(True))
    )
    return tuple(
        Membership(org_id, capacity, role == orgs.AUTHORITY, region or "")
        for org_id, capacity, role, region in model.Session.execute(query)
    )


def people(role: Role) -> sa.Select[Any]:
    """Return the query for organisation, id and address of every person with a role by capacity."""
    member, user = cast(Any, model.Member), cast(Any, model.User)
    capacities = [name for name, roles in CAPACITIES.items() if role in roles]
    return (
        sa.select(orgs.GROUP.id, user.id, user.email)
        .join(member, member.group_id == orgs.GROUP.id)
        .join(user, user.id == member.table_id)
        .where(
            orgs.GROUP.is_organization.is_(True), orgs.GROUP.state == "active",
            member.table_name == "user", member.state == "active", member.capacity.in_(capacities),
            user.state == "active", user.sysadmin.is_not(True),
        )
    )  # fmt: skip


def deciders() -> sa.Select[Any]:
    """Return the query for those who may decide."""
    return people(Role.REVIEWER)


def addresses_of(org_id: str | None, role: Role) -> dict[str, str | None]:
    """Return the accounts that have a role for an organisation, with their mail addresses."""
    query = people(role).where(orgs.GROUP.id == org_id).order_by(cast(Any, model.User).email)
    return {user_id: address for _org, user_id, address in model.Session.execute(query)}


def mail_addresses(org_id: str | None, role: Role) -> list[str]:
    """Return the mail addresses of those who have a role for an organisation."""
    return [address for address in addresses_of(org_id, role).values() if address]


def reviewers_of(org_id: str | None) -> dict[str, str | None]:
    """Return the accounts that may decide for an organisation, with their mail addresses."""
    return addresses_of(org_id, Role.REVIEWER)
