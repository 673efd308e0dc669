"""Command-line options of programs that read records, given as ``name=value``."""

from collections.abc import Mapping, Sequence

from adamlab.rules.symbols import ConfigurationError


def chosen_options(program: str, arguments: Sequence[str], defaults: Mapping[str, str]) -> dict[str, str]:
    """Return the options of a program: its defaults, replaced by what its arguments say.

    Parameters
    ----------
    program : str
        Name of the program, with which the message of an error begins.
    arguments : sequence of str
        Command-line arguments, each ``name=value``.
    defaults : mapping of str to str
        Default value of each option.

    Returns
    -------
    dict of str to str

    Raises
    ------
    ConfigurationError
        For a name without a default, and for a name without a value.
    """
    chosen = dict(defaults)
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name not in chosen or not equals or not value:
            takes = ", ".join(f"{key}=..." for key in defaults)
            raise ConfigurationError(f"{program}: takes {takes}; it is {argument!r}")
        chosen[name] = value
    return chosen
