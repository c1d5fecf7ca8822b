"""The acts that are recorded, and on what.

An unregistered verb or subject is refused, so that the lists are complete.
"""

from __future__ import annotations

from ckan.plugins.toolkit import _

N_ = str  # marks a string for translation; it is translated when shown

VERBS: dict[str, str] = {
    "case.transition": N_("Step of a case"),
    "case.assigned": N_("Case assigned"),
    "case.inherited": N_("Case passed to the successor of an office"),
    "case.urged": N_("Case urged"),
    "case.urge_answered": N_("Urging answered"),
    "cases.exported": N_("List of cases exported"),
    "grant.created": N_("Access granted"),
    "grant.activated": N_("Use agreement accepted"),
    "grant.ended": N_("Grant ended"),
    "grant.member_named": N_("Account named for a grant"),
    "grant.member_removed": N_("Account taken off a grant"),
    "grant.token_made": N_("Token made for a grant"),
    "suspension.created": N_("Opening suspended"),
    "suspension.lifted": N_("Opening resumed"),
    "suspension.withdrawn": N_("Data withdrawn"),
    "closure.created": N_("Access closed"),
    "closure.lifted": N_("Access reopened"),
    "dataset.published": N_("Dataset published"),
    "dataset.class_changed": N_("Open class changed"),
    "dataset.conditions_changed": N_("Conditions of opening changed"),
    "dataset.deleted": N_("Dataset deleted"),
    "resource.replaced": N_("Data file replaced"),
    "resource.sealed": N_("Withdrawn file sealed"),
    "evidence.viewed": N_("Evidence viewed"),
    "screening.held": N_("File held for personal data"),
    "screening.overridden": N_("Held file released"),
    "download.allowed": N_("Restricted data handed out"),
    "door.refused": N_("Access refused"),
    "override.used": N_("Administrative override"),
    "source.created": N_("Source of the harvest connected"),
    "source.changed": N_("Source of the harvest changed"),
    "source.deleted": N_("Source of the harvest deleted"),
    "source.checked": N_("Source of the harvest checked"),
    "harvest.asked": N_("Harvest started"),
    "harvest.confirmed": N_("Removal by a harvest confirmed"),
    "harvest.cancelled": N_("Harvest cancelled"),
    "workday.set": N_("Working-day calendar changed"),
    "personal.revealed": N_("Personal data revealed"),
    "personal.exported": N_("Own data exported"),
    "personal.corrected": N_("Own contact data corrected"),
    "personal.erased": N_("Personal data destroyed"),
    "account.activated": N_("Account activated"),
    "account.moved": N_("Mail address changed"),
    "role.given": N_("Role given"),
    "role.taken": N_("Role taken away"),
}

SUBJECTS: dict[str, str] = {
    "case": N_("Case"),
    "case_list": N_("List of cases"),
    "grant": N_("Grant"),
    "suspension": N_("Suspension"),
    "closure": N_("Closed access"),
    "dataset": N_("Dataset"),
    "resource": N_("Data file"),
    "source": N_("Source of the harvest"),
    "harvest": N_("Harvest"),
    "workday": N_("Working day"),
    "account": N_("Account"),
}
"""What is acted on."""


def label(verb: str) -> str:
    """Return the name of a verb in the reader's language."""
    return _(VERBS[verb])


def subject_label(subject_type: str) -> str:
    """Return the name of a kind of subject in the reader's language."""
    return _(SUBJECTS[subject_type])
