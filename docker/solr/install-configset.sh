#!/bin/bash
# Run by the image before each start: lay the configset into the volume; the index there is kept.
set -euo pipefail
home=/var/solr/data
mkdir -p "$home/ckan"
rm -rf "$home/ckan/conf"
cp -r /opt/nmgdata/configset/conf "$home/ckan/conf"
cp /opt/nmgdata/configset/core.properties "$home/ckan/core.properties"
cp /opt/nmgdata/configset/solr.xml "$home/solr.xml"
