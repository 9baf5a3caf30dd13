"""Words of organisations."""

from shared.labels import Labelled


class OrganisationKind(Labelled):
    """单位类别."""

    VILLAGE = "village", "村委会"
    TOWN = "town", "乡镇政府、街道办"
    BUREAU = "bureau", "县直部门"
    COMPANY = "company", "企业、合作社"
    OTHER = "other", "其他单位"
