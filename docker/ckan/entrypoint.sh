#!/bin/bash
# The programs of the portal's image: web, worker, tick, migrate; anything else is run as it is
# (`ckan …`). Nothing is waited for: compose starts a service when those that it needs are healthy.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

case "${1:-web}" in
    web)
        # Every replica has all assets, so that it can serve those that another one's page names.
        ckan asset build
        exec gunicorn --config gunicorn.conf.py production:application
        ;;
    worker) exec ckan jobs worker "${@:2}" ;;
    tick) exec ckan nmgdata tick ;;
    migrate)
        ckan db upgrade
        ckan datastore set-permissions | python rights.py
        ;;
    *) exec "$@" ;;
esac
