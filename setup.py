"""Packaging of ckanext-nmgdata: metadata, entry points and package data.

``schemas/`` and ``i18n/`` lie at the top of the repository and are reached from the package by
relative links, so that wheel, sdist and editable installs all carry them (docs/adr/0002).
"""

import os
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
SOURCE = ROOT / "ckanext-nmgdata"
PACKAGE = SOURCE / "ckanext" / "nmgdata"
LEFT_OUT = {"__pycache__", "tests", ".webassets-cache"}


def package_data() -> list[str]:
    """Return every shipped file that is not a module of a package, relative to the package.

    The walk follows the links to schemas/ and i18n/, so that archives hold files in their place.
    """
    found = []
    for folder, folders, files in os.walk(PACKAGE, followlinks=True):
        folders[:] = sorted(set(folders) - LEFT_OUT)
        is_package = "__init__.py" in files
        found += [
            os.path.relpath(os.path.join(folder, name), PACKAGE)
            for name in sorted(files)
            if not name.endswith(".pyc") and not (is_package and name.endswith(".py"))
        ]
    return found


def packages() -> list[str]:
    """Return the packages without their tests."""
    inner = find_packages(where=str(SOURCE / "ckanext"), exclude=["*.tests", "*.tests.*"])
    return [f"ckanext.{name}" for name in inner]


setup(
    name="ckanext-nmgdata",
    version="0.1.0",
    description="CKAN plugins for the public data open platform of Inner Mongolia",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="AGPL-3.0-or-later",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    package_dir={"": "ckanext-nmgdata"},
    packages=packages(),
    package_data={"ckanext.nmgdata": package_data()},
    install_requires=(ROOT / "requirements.in").read_text(encoding="utf-8").split("\n"),
    extras_require={"test": (ROOT / "requirements-dev.in").read_text(encoding="utf-8").split("\n")},
    entry_points={
        "ckan.plugins": [
            "nmgdata = ckanext.nmgdata.plugin:NmgdataPlugin",
            "nmgdata_access = ckanext.nmgdata.access.plugin:AccessPlugin",
            "nmgdata_objection = ckanext.nmgdata.objection.plugin:ObjectionPlugin",
            "nmgdata_plan = ckanext.nmgdata.plan.plugin:PlanPlugin",
            "nmgdata_tables = ckanext.nmgdata.tables.plugin:TablesPlugin",
            "nmgdata_harvest = ckanext.nmgdata.harvest.plugin:HarvestPlugin",
        ],
        "ckan.rdf.profiles": ["nmg = ckanext.nmgdata.catalog.dcat:NmgProfile"],
        "babel.extractors": ["ckan = ckan.lib.extract:extract_ckan"],
    },
    classifiers=[
        "Framework :: CKAN :: 2.12",
        "License :: OSI Approved :: GNU Affero General Public License v3 or later (AGPLv3+)",
        "Natural Language :: Chinese (Simplified)",
        "Programming Language :: Python :: 3",
    ],
)
