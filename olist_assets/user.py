"""The user of this process, who need not be known to the machine, as in a container that runs with any user id."""

import os
import pwd
import tempfile
from pathlib import Path

from olist_assets.private_files import own_folder

# In the order in which Python reads them.
USER_NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")


def name_user() -> None:
    """Give this process and its children a user name and a home if the machine knows none for its user id.

    Python and MLflow look both up, and fail where there are none. Raises OlistError.
    """
    if is_known():
        return
    number = os.getuid()
    if not any(os.environ.get(name) for name in USER_NAMES):
        os.environ["LOGNAME"] = str(number)
    if not os.environ.get("HOME"):
        os.environ["HOME"] = str(_temporary_home(number))


def is_known() -> bool:
    """Whether the machine has a name for the user id of this process."""
    return _known_name() is not None


def real_user() -> str:
    """The name of the user whose process this is, or the number; unlike LOGNAME it cannot be chosen."""
    return _known_name() or str(os.getuid())


def _known_name() -> str | None:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return None


def _temporary_home(number: int) -> Path:
    home = Path(tempfile.gettempdir(), f"olist-assets-{number}")
    return own_folder(home, f"The user id {number} has no home, and {home} belongs to another user: set HOME.")
