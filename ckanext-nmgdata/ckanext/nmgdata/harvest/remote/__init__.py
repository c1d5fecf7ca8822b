"""The remote side of the federation: what is fetched and read from portals that are not ours.

Nothing here knows CKAN's database. Every byte is hostile until a limited child process has made it a
``Record``. The loading side uses ``pages.read``, ``describe.entry``, ``feed.head`` and ``feed.read``, and
meets one kind of exception, ``errors.RemoteError`` (docs/adr/0018).
"""
