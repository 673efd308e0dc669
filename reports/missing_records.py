"""What a report raises where its question cannot be answered from the records; not a report itself."""


class MissingRecords(LookupError):
    """The records that a question needs are not there; the message says which, in a clause."""
