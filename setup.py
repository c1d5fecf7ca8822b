"""Packaging of ckanext-nmgdata: metadata, entry points and package data.

``schemas/`` and ``i18n/`` lie at the top of the repository and are reached from the package by
relative links, so that wheel, sdist and editable installs all carry them (docs/adr/0002).
"""

from pathlib import Path

from setuptools import find_namespace_packages, setup

ROOT = Path(__file__).parent
SOURCE = ROOT / "ckanext-nmgdata"
PACKAGE = SOURCE / "ckanext" / "nmgdata"
DATA = ("schemas", "i18n", "templates", "assets", "migration", "demo/data", "public")
DATA_FILES = ("config_declaration.yaml", "kernel/deadlines/*.yaml", "kernel/deadlines/*.csv")


def package_data() -> list[str]:
    """Return every shipped file that is not a Python module, relative to the package."""
    found = [str(path.relative_to(PACKAGE)) for pattern in DATA_FILES for path in PACKAGE.glob(pattern)]
    for folder in PACKAGE.rglob("*"):
        relative = folder.relative_to(PACKAGE)
        if folder.is_dir() and (str(relative) in DATA or relative.name in ("templates", "assets")):
            found += [str(file.relative_to(PACKAGE)) for file in walk(folder)]
    return sorted(set(found))


def walk(folder: Path) -> list[Path]:
    """Return the files below a folder, following the links to schemas/ and i18n/."""
    files = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            files += walk(path) if path.name != "__pycache__" else []
        elif path.suffix != ".pyc":
            files.append(path)
    return files


setup(
    name="ckanext-nmgdata",
    version="0.1.0",
    description="CKAN plugins for the public data open platform of Inner Mongolia",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="AGPL-3.0-or-later",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    package_dir={"": "ckanext-nmgdata"},
    packages=[
        name
        for name in find_namespace_packages(where=str(SOURCE), include=["ckanext.nmgdata*"])
        if not any(part in DATA for part in name.removeprefix("ckanext.nmgdata.").split("."))
        or name.startswith("ckanext.nmgdata.migration")
    ],
    package_data={"ckanext.nmgdata": package_data()},
    install_requires=(ROOT / "requirements.in").read_text(encoding="utf-8").split("\n"),
    extras_require={"test": (ROOT / "requirements-dev.in").read_text(encoding="utf-8").split("\n")},
    entry_points={
        "ckan.plugins": [
            "nmgdata = ckanext.nmgdata.plugin:NmgdataPlugin",
            "nmgdata_access = ckanext.nmgdata.access.plugin:AccessPlugin",
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
