"""The desk (办件): pages, API and mails that all kinds of case share."""
