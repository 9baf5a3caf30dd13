"""Region codes: 12 digits of 统计用区划代码 (province, prefecture, county, town, village)."""

from typing import Annotated

from pydantic import StringConstraints

RegionCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
"""A region code of 12 digits."""
OptionalRegionCode = Annotated[str, StringConstraints(pattern=r"^([0-9]{12})?$")]
"""A region code, or the empty string for no region."""
