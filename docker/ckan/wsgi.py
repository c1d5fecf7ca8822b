"""The portal as a WSGI application: ``gunicorn --chdir docker/ckan wsgi:application``."""

import gc
import os

from ckan.cli import CKANConfigLoader
from ckan.config.middleware import make_app
from ckan.plugins import plugin_loaded
from ckanext.nmgdata.catalog.search.known import lexicon

application = make_app(CKANConfigLoader(os.environ["CKAN_INI"]).get_config())
if plugin_loaded("nmgdata"):
    lexicon()  # the words of the search are made before anybody waits for them
gc.freeze()  # what is loaded by now is never garbage, and to look through it took a tenth of a second
gc.set_threshold(50_000, 20, 50)  # a page makes some 100,000 objects, nearly all of them freed by count
