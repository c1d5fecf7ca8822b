"""The portal as a WSGI application: ``gunicorn --chdir docker/ckan wsgi:application``."""

import os

from ckan.cli import CKANConfigLoader
from ckan.config.middleware import make_app
from ckan.plugins import plugin_loaded
from ckanext.nmgdata.catalog.search.known import lexicon
from ckanext.nmgdata.kernel.collector import look_rarely

application = make_app(CKANConfigLoader(os.environ["CKAN_INI"]).get_config())
if plugin_loaded("nmgdata"):
    lexicon()  # the words of the search are made before anybody waits for them
look_rarely()
