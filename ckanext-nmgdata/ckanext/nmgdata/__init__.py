"""CKAN plugins for the public data open platform of Inner Mongolia."""
