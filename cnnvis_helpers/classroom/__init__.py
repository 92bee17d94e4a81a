"""Classroom: keep slow results, rehearse and grade lessons, report what works here."""
