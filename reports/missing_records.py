"""The exception of a report that lacks records; this module is not a report."""


class MissingRecords(LookupError):
    """The records that a report needs are missing; the message is a clause that says which."""
